"""A service of several processes behind one address, as behind a load balancer without any loyalty."""

from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication
from wsgiref.util import is_hop_by_hop

from werkzeug.wrappers import Request, Response


class Turns:
    """A WSGI app that gives each request to the next of several, and remembers what it was asked."""

    def __init__(self, *apps: WSGIApplication) -> None:
        self._next = cycle(apps)
        self.asked: list[Request] = []
        self.away = False  # or else nobody is there to answer

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ.setdefault("REMOTE_ADDR", "127.0.0.1")  # werkzeug's test client comes from nowhere
        self.asked.append(Request(environ))
        app = Response("{}", 503) if self.away else next(self._next)
        return app(environ, start_response)


class Distant:
    """A WSGI app that passes each request on, over real HTTP and but for the connection as it is."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        with closing(HTTPConnection(self._place, timeout=60)) as connection:
            connection.putrequest(request.method, environ["REQUEST_URI"], skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if not is_hop_by_hop(name):
                    connection.putheader(name, value)
            connection.endheaders(request.get_data())
            answer = connection.getresponse()
            said = [(name, value) for name, value in answer.headers.items() if not is_hop_by_hop(name)]
            start_response(f"{answer.status} {answer.reason}", said)
            return [answer.read()]
