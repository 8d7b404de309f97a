"""The client of the current request. Only trusted proxies may name another address than their own."""

import ipaddress
import re
from functools import lru_cache

from flask import request
from flask.globals import request_ctx

from app.core.client_info import ClientInfo
from app.current import settings
from app.web import cookies, device_cookie

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Some proxies add the port: 192.0.2.7:5678, [2001:db8::7]:443. An IPv6 address with a port has brackets.
_WITH_PORT = re.compile(r"(?:\[([^\[\]]*:[^\[\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?", re.ASCII)


def client_info() -> ClientInfo:
    """The client's IP address, user agent, languages and device token."""
    current = request_ctx.request
    return ClientInfo(
        ip_address_of(),
        current.user_agent.string or None,
        tuple(current.accept_languages.values())[:10],
        device_cookie.device_token(),
        cookies.get("trusted_device"),
    )


def ip_address_of() -> str | None:
    """The client's IP address: the last hop that is not a trusted proxy. None if it is unknown.

    `X-Forwarded-For` is read from the end, which the nearest proxy wrote. A client can put anything at its start.
    """
    current = request_ctx.request
    hop, claims = _parse(current.remote_addr), current.headers.get("X-Forwarded-For")
    for claimed in reversed(claims.split(",") if claims else ()):
        if hop is None or not _is_trusted_proxy(hop):
            break
        previous = _parse(claimed)
        if previous is None:
            break
        hop = previous
    return str(hop) if hop else None


def is_from_trusted_proxy() -> bool:
    """Whether the request comes directly from a trusted proxy."""
    hop = _parse(request.remote_addr)
    return hop is not None and _is_trusted_proxy(hop)


def _is_trusted_proxy(hop: IPAddress) -> bool:
    return any(hop in network for network in settings.trusted_proxies)


@lru_cache(maxsize=1024)  # called several times per request
def _parse(text: str | None) -> IPAddress | None:
    text = (text or "").strip()
    with_port = _WITH_PORT.fullmatch(text)
    try:
        parsed = ipaddress.ip_address(with_port[1] or with_port[2] if with_port else text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    # Without the zone (fe80::1%eth0), which names an interface of the other machine and can be of any length.
    return parsed.ipv4_mapped or ipaddress.IPv6Address(int(parsed))
