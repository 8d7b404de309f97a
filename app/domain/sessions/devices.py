"""Names of devices that a person recognises, from the user agent."""

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
    """The account has no live session with this id."""

    code = "session_not_found"
    detail = "Session not found, or it has ended."


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """A session as shown to its owner. `last_used_at` is exact to the lifetime of one access token."""

    id: str
    name: str
    ip: str | None
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


def to_device_sessions(sessions: Iterable[SessionSnapshot], current: str | None) -> list[DeviceSession]:
    """These sessions as shown to their owner; `current` is the id of the session that asks."""
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


NETWORK_BITS: Final = {4: 24, 6: 48}  # bits that providers assign to one customer or site


def network_of(ip: str | None) -> str | None:
    """The network of an IP address: home devices often change the last part of theirs."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return ip
    return str(ipaddress.ip_network((int(address), NETWORK_BITS[address.version]), strict=False))


def device_name(user_agent: str | None) -> str:
    """A name such as "Chrome on Windows" or "Mobile Safari on iPhone"; for an unknown user agent its product name.

    Links are removed: the name is shown in emails, and the parser copies parts of the user agent into it.
    """
    parsed = parse(user_agent or "")
    agent = without_links(parsed.user_agent.family if parsed.user_agent else _product(user_agent or ""), MAX_PART)
    if not agent:
        return UNKNOWN
    model = parsed.device.family if parsed.device else None
    system = without_links((model if model != "Mac" else None) or (parsed.os.family if parsed.os else ""), MAX_PART)
    return f"{agent} on {system}" if system and system != agent else agent


def _product(user_agent: str) -> str:
    """The product name at the start of a user agent, such as "okhttp" in "okhttp/4.9.1", if it is one plain word."""
    found = re.match(r"([A-Za-z][A-Za-z0-9_-]*)(?=[/ ]|$)", user_agent)
    return found[1] if found else ""
