"""Devices: a name that a person recognises, from what a browser or an app says of itself."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ua_parser import parse

from app.core.errors import NotFound
from app.core.untrusted_text import without_links
from app.domain.sessions.model import SessionSnapshot

UNKNOWN: Final = "Unknown device"
MAX_PART: Final = 40


class NoSuchSession(NotFound):
    """No live session of the account has that id."""

    code = "session_not_found"
    detail = "No session of this account has this id, or it has ended."


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """A session as its owner sees it. `last_used_at` is exact to the life of one access token."""

    id: str
    name: str
    ip: str | None
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


def to_device_sessions(sessions: Iterable[SessionSnapshot], current: str | None) -> list[DeviceSession]:
    """The devices behind these sessions; `current` is the session that asks."""
    return [
        DeviceSession(
            session.id,
            device_name(session.user_agent),
            session.ip,
            session.user_agent,
            session.created_at,
            session.rotated_at,
            current=session.id == current,
        )
        for session in sessions
    ]


NETWORK_BITS: Final = {4: 24, 6: 48}  # what providers give to one customer or one site


def network_of(ip: str | None) -> str | None:
    """The network that an IP address belongs to; devices at home change the last part of theirs."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return ip
    return str(ipaddress.ip_network((int(address), NETWORK_BITS[address.version]), strict=False))


def device_name(user_agent: str | None) -> str:
    """Such as "Chrome on Windows" or "Mobile Safari on iPhone"; the product's own name if it is none we know.

    It stands in emails, and even the names that the parser knows may be copied from what a stranger sent.
    """
    parsed = parse(user_agent or "")
    agent = without_links(parsed.user_agent.family if parsed.user_agent else _product(user_agent or ""), MAX_PART)
    if not agent:
        return UNKNOWN
    model = parsed.device.family if parsed.device else None
    place = without_links((model if model != "Mac" else None) or (parsed.os.family if parsed.os else ""), MAX_PART)
    return f"{agent} on {place}" if place and place != agent else agent


def _product(user_agent: str) -> str:
    """The name that the user agent begins with, such as "okhttp" of "okhttp/4.9.1", if it is a single plain word."""
    found = re.match(r"([A-Za-z][A-Za-z0-9_-]*)(?=[/ ]|$)", user_agent)
    return found[1] if found else ""
