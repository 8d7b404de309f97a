"""Checks the Host header, so that no request can put another host name into a response."""

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
    """The Host header is not a name of this service."""

    code = "unknown_host"
    detail = "Unknown host name in the Host header."


def init_hosts(app: Flask, names: list[str]) -> None:
    """Reject requests for hosts other than `names` and the loopback; `.example.com` means all its subdomains."""
    allowed = (*LOOPBACK, *(name.lower() for name in names))

    @app.before_request
    def check_host() -> None:
        host = _HOST.fullmatch(request.headers.get("Host", "").lower())
        is_allowed = host and any(host[1] == name or (name[0] == "." and host[1].endswith(name)) for name in allowed)
        if not is_allowed and request.endpoint not in EXEMPT_ENDPOINTS:
            raise UnknownHost
