"""Which names we answer to. A request for another one is a mistake, or a try to get that name into an answer."""

import re
from typing import Final

from flask import Flask, request

from app.core.errors import Invalid

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
EXEMPT_ENDPOINTS: Final = (
    "service.get_liveness",
    "service.get_readiness",
    "metrics",
)  # which name a process by its address
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)


class UnknownHost(Invalid):
    """The Host header names nobody we are."""

    code = "unknown_host"
    detail = "This service does not answer to the name that the request gives it."


def init_hosts(app: Flask, names: list[str]) -> None:
    """Refuse requests for any host but `names` and this machine itself; `.example.com` is every name below it."""
    ours = (*LOOPBACK, *(name.lower() for name in names))

    @app.before_request
    def refuse_strangers() -> None:
        found = _HOST.fullmatch(request.headers.get("Host", "").lower())
        known = found and any(found[1] == name or (name[0] == "." and found[1].endswith(name)) for name in ours)
        if not known and request.endpoint not in EXEMPT_ENDPOINTS:
            raise UnknownHost
