"""The relying party (WebAuthn): the domain that passkeys are for, and the pages and apps that may use them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from app.core import base64url

RP_ID: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
PAGE: Final = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://([a-z0-9-]+\.)*localhost(:[0-9]{1,5})?")
ANDROID: Final = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")
ANDROID_APP: Final = re.compile(r"(?P<package>[A-Za-z]\w*(\.[A-Za-z]\w*)+)=(?P<hash>[0-9A-F]{2}(:[0-9A-F]{2}){31})")
APPLE_APP: Final = re.compile(r"[A-Z0-9]{10}\.[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class AndroidApp:
    """An Android app. `fingerprint` is the SHA-256 of its signing certificate, as the Play Console shows it."""

    package: str
    fingerprint: str

    @property
    def origin(self) -> str:
        """What Android sends as the origin of this app."""
        return "android:apk-key-hash:" + base64url.encode(bytes.fromhex(self.fingerprint.replace(":", "")))


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """`id` is a domain; passkeys belong to it. `origins` are the pages and apps that may use them, exactly."""

    id: str
    name: str
    origins: tuple[str, ...]
    android_apps: tuple[AndroidApp, ...] = ()
    apple_apps: tuple[str, ...] = ()

    @property
    def related_origins(self) -> list[str]:
        """The pages on other domains. A browser asks for this list before it lets them use the passkeys."""
        pages = (origin for origin in self.origins if origin.startswith("https://"))
        return [origin for origin in pages if not is_on(origin, self.id)]


def is_on(origin: str, rp_id: str) -> bool:
    """Whether a page of this origin is on the domain or a subdomain, so that browsers let it use its passkeys."""
    return f".{urlsplit(origin).hostname}".endswith(f".{rp_id}")


def pages_on(rp_id: str, urls: Sequence[str]) -> list[str]:
    """The origins of those URLs whose pages are on the domain. Browsers allow passkeys over HTTPS, or on localhost."""
    origins = [_origin_of(url) for url in urls]
    return [origin for origin in origins if PAGE.fullmatch(origin) and is_on(origin, rp_id)]


def parse_rp_id(text: str) -> str:
    """The domain. Raises `ValueError` for anything else, such as an IP address."""
    if not RP_ID.fullmatch(text) or _is_ip_address(text):
        raise ValueError("must be a domain such as example.com, without https:// and port")
    return text


def parse_origins(texts: Sequence[str]) -> tuple[str, ...]:
    """The origins. Raises `ValueError` for one that no browser and no Android app sends."""
    for text in texts:
        if not PAGE.fullmatch(text) and not ANDROID.fullmatch(text):
            raise ValueError(f"{text} is neither an origin such as https://example.com nor android:apk-key-hash:…")
    return tuple(texts)


def parse_android_apps(texts: Sequence[str]) -> tuple[AndroidApp, ...]:
    """The apps. Raises `ValueError`."""
    found = [ANDROID_APP.fullmatch(text) for text in texts]
    if not all(found):
        raise ValueError("must be like com.example.app=AA:BB:…, with the SHA-256 fingerprint of the certificate")
    return tuple(AndroidApp(app["package"], app["hash"]) for app in found if app)


def parse_apple_apps(texts: Sequence[str]) -> tuple[str, ...]:
    """The app identifiers. Raises `ValueError`."""
    if not all(APPLE_APP.fullmatch(text) for text in texts):
        raise ValueError("must be like A1B2C3D4E5.com.example.app: the team id, a dot, and the bundle id")
    return tuple(texts)


def _origin_of(url: str) -> str:
    parts = urlsplit(url.lower())
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _is_ip_address(text: str) -> bool:
    try:
        return ip_address(text) is not None
    except ValueError:
        return False
