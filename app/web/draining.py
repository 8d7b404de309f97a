"""Draining before a stop: workers keep serving for a while and tell clients to go to another instance.

`/readyz` answers 503 for load balancers, and each response closes its connection, so that no client sends its next
request on a connection that is about to close. The flag is in memory that run.py's process shares with its workers.
"""

import mmap

from flask import Flask, Response

_flag = mmap.mmap(-1, 1)


def begin() -> None:
    """Start draining, in this process and in its workers."""
    _flag[0] = 1


def is_draining() -> bool:
    """Whether the service is draining."""
    return bool(_flag[0])


def init_draining(app: Flask) -> None:
    """Let the responses of `app` close their connections while it is draining."""

    @app.after_request
    def close(response: Response) -> Response:
        if is_draining():
            response.headers["Connection"] = "close"
        return response
