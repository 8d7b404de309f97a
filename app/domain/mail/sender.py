"""Who emails are from, and the name that we greet the mail server with."""

import re
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.utils import formataddr, quote, unquote
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final

MAX_NAME: Final = 200
# A name in quotes, or one without them that contains no bracket and no second address; or an address alone.
_WITH_NAME = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^<>@]*?)\s*<(?P<address>[^<>]*)>')
# Atoms with dots between them, and no encoded word.
_LOCAL_PART = re.compile(r"(?=.{1,64}\Z)(?!.*=\?)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}\Z)(?!.*-(\.|\Z))([A-Za-z0-9][A-Za-z0-9-]{0,62}(\.(?=.)|\Z))+")
_EXAMPLE: Final = "Write one address, as in `Example, Inc. <no-reply@example.com>`."


@dataclass(frozen=True, slots=True)
class Sender:
    """The name and the address that emails are from. The address is ASCII, the name is any text."""

    name: str
    address: str

    def header(self) -> str:
        """The value of `From`, with quotes where the name needs them."""
        if self.name.isascii():
            return formataddr((self.name, self.address))
        return f'"{quote(self.name)}" <{self.address}>'


def parse_sender(text: str) -> Sender:
    """The sender in `Name <address>` or `address`. Raises `ValueError` that says what is wrong.

    A name with commas or other special characters needs no quotes: mail libraries would read `Demo, Inc. <a@b.example>`
    as two addresses and send from the first.
    """
    text = text.strip(" ")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"must not contain control characters, such as a line break. {_EXAMPLE}")
    found = _WITH_NAME.fullmatch(text)
    address = found["address"].strip() if found else text
    return Sender(_name(found["name"]) if found else "", _address(address))


def parse_helo_name(text: str) -> str:
    """A host name or an address literal for EHLO (RFC 5321, 4.1.3). Raises `ValueError`."""
    if _HOST.fullmatch(text) or _is_literal(text):
        return text
    raise ValueError("must be a host name, such as mail.example.com, or an address literal, such as [192.0.2.1]")


def helo_name_of(host: str) -> str:
    """The name for EHLO of the host in a URL, which may be an IP address or a name outside of ASCII."""
    try:
        address = ip_address(host)
    except ValueError:
        pass
    else:
        return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
    try:
        return parse_helo_name(_ascii(host))
    except ValueError:
        return "localhost"


def _name(text: str) -> str:
    name = unquote(text) if text.startswith('"') else text
    name = str(make_header(decode_header(name))) if "=?" in name else name
    if len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(f"the name must have at most {MAX_NAME} printable characters")
    return name


def _address(text: str) -> str:
    local, _, domain = text.rpartition("@")
    with suppress(UnicodeError):
        domain = _ascii(domain)
    if not (_LOCAL_PART.fullmatch(local) and _HOST.fullmatch(domain)):
        raise ValueError(f"is not an email address. {_EXAMPLE}")
    return f"{local}@{domain}"


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _is_literal(text: str) -> bool:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else ""
    try:
        return bool(IPv6Address(inner[5:]) if inner.startswith("IPv6:") else IPv4Address(inner))
    except AddressValueError:
        return False
