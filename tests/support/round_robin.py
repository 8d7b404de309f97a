"""Several processes behind one URL, as behind a load balancer without sticky sessions."""

from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication
from wsgiref.util import is_hop_by_hop

from werkzeug.wrappers import Request, Response


class RoundRobin:
    """A WSGI app that passes each request to the next of several apps, and keeps the requests."""

    def __init__(self, *apps: WSGIApplication) -> None:
        self._next = cycle(apps)
        self.requests: list[Request] = []
        self.unavailable = False  # answer 503 instead

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ.setdefault("REMOTE_ADDR", "127.0.0.1")  # werkzeug's test client sets none
        self.requests.append(Request(environ))
        app = Response("{}", 503) if self.unavailable else next(self._next)
        return app(environ, start_response)


class HttpProxyApp:
    """A WSGI app that forwards each request over real HTTP, unchanged except for hop-by-hop headers."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        with closing(HTTPConnection(self._netloc, timeout=60)) as connection:
            connection.putrequest(request.method, environ["REQUEST_URI"], skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if not is_hop_by_hop(name):
                    connection.putheader(name, value)
            connection.endheaders(request.get_data())
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.headers.items() if not is_hop_by_hop(name)]
            start_response(f"{answer.status} {answer.reason}", headers)
            return [answer.read()]
