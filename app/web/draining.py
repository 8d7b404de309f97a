"""Leaving without a request lost: told to stop, the workers go on for a moment and send everybody elsewhere.

`/readyz` says no, so that balancers look elsewhere, and each answer closes its connection, so that no client sends its
next request on one that is about to go. The flag lies in memory that run.py's process shares with its forks.
"""

import mmap

from flask import Flask, Response

_flag = mmap.mmap(-1, 1)


def begin() -> None:
    """From now on, in this process and in its forks."""
    _flag[0] = 1


def is_draining() -> bool:
    """Whether the service is about to stop."""
    return bool(_flag[0])


def init_draining(app: Flask) -> None:
    """Let the answers of `app` close their connections while it drains."""

    @app.after_request
    def close(response: Response) -> Response:
        if is_draining():
            response.headers["Connection"] = "close"
        return response
