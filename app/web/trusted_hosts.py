"""Checks the Host header, so that no request can put another host name into a response.

It also stops DNS rebinding: if evil.example suddenly leads to this machine, its pages send evil.example as Host.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, request

from app.core.errors import Invalid
from config import Settings

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
# In development: names that no one on the Internet can own (RFC 6761, 6762, 8375).
LOCAL_NAMES: Final = (".local", ".test", ".home.arpa")
EXEMPT_ENDPOINTS: Final = (
    "service.get_liveness",
    "service.get_readiness",
    "metrics",
)  # which name a process by its address
MAILBOX: Final = "pages_mailbox."
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)


class UnknownHost(Invalid):
    """The Host header is not a name of this service."""

    code = "unknown_host"
    detail = "Unknown host name in the Host header."


def init_hosts(app: Flask, settings: Settings) -> None:
    """Reject requests for unknown hosts; `.example.com` in TRUSTED_HOSTS means all its subdomains.

    In development also IP addresses and the names of a local network are known. See decision 0042.
    """
    listed = [name.lower() for name in settings.trusted_hosts]
    allowed = (*LOOPBACK, urlsplit(settings.public_url).hostname or "", *listed)

    @app.before_request
    def check_host() -> None:
        match = _HOST.fullmatch(request.headers.get("Host", "").lower())
        host = match[1] if match else None
        if (host and _is_one_of(host, allowed)) or request.endpoint in EXEMPT_ENDPOINTS:
            return
        if not settings.development or host is None:
            raise UnknownHost
        if not _is_local(host, is_mailbox=(request.endpoint or "").startswith(MAILBOX)):
            raise UnknownHost(f"{UnknownHost.detail} To allow it, set TRUSTED_HOSTS={','.join([*listed, host])}")


def _is_one_of(host: str, names: Iterable[str]) -> bool:
    return any(host == name or (name[:1] == "." and host.endswith(name)) for name in names)


def _is_local(host: str, *, is_mailbox: bool) -> bool:
    # Rebinding needs a name, so an IP address is safe, and browsers themselves resolve .localhost to the loopback. The
    # other names can be given to anyone in the same network, who could then read the links in the mailbox.
    return _is_one_of(host, (".localhost",)) or _is_ip(host) or (not is_mailbox and _is_one_of(host, LOCAL_NAMES))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
