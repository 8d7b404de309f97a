"""Rules about several settings at once. `config.py` applies them and names the setting in front of the message."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.provider_settings import is_endpoint

MAX_REDIRECT: Final = 1_000  # so that it fits into a cookie
WEAK_SECRETS: Final = ("changeme", "change-me", "secret", "password", "development", "example")

# An app's own scheme. RFC 8252, 7.1 asks for a domain name in reverse, so that no other app is likely to have it.
APP_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")

# The built-in pages contain these links, so none may run as a script.
LINK: Final = re.compile(r"(?i:(?!(javascript|data|vbscript):)[a-z][a-z0-9+.-]*):[^\s<>\"\\]+")


def check_all(settings: Any) -> None:
    """Raise `ValueError` for a setting that is wrong anywhere."""
    check_links(settings)
    check_cookies(settings)
    check_redirects(settings)
    check_secrets(settings)
    check_sign_up(settings)


def check_links(settings: Any) -> None:
    """Raise `ValueError` for a link that cannot be followed, or has no place for its token."""
    for name in ("reset_password_url", "verify_email_url", "sign_in_link_url", "sign_in_url", "change_password_url"):
        if not LINK.fullmatch(url := getattr(settings, name) or settings.public_url):
            raise ValueError(f"{name.upper()} must be a complete URL: https://…, or one with your app's own scheme")
        if name in ("reset_password_url", "verify_email_url", "sign_in_link_url") and "{token}" not in url:
            raise ValueError(f"{name.upper()} must contain {{token}}, which is replaced by the token")


def check_secrets(settings: Any) -> None:
    """Raise `ValueError` for a secret that is too short."""
    for name, values in (
        ("SECRET_KEY", [settings.secret_key]),
        ("SECRET_KEY_FALLBACKS", settings.secret_key_fallbacks),
        ("KEY_ENCRYPTION_SECRET", [settings.key_encryption_secret or settings.secret_key]),
        ("KEY_ENCRYPTION_SECRET_FALLBACKS", settings.key_encryption_secret_fallbacks),
    ):
        if any(len(value.encode()) < 32 for value in values):
            raise ValueError(f"{name} must have at least 32 bytes; create one with `openssl rand -base64 48`")


def check_redirects(settings: Any) -> None:
    """Raise `ValueError` for a member of REDIRECT_URLS that is not the complete URL of a page or app."""
    for url in settings.redirect_urls:
        if not _is_redirect(url, local=not settings.production):
            raise ValueError(
                f"REDIRECT_URLS must be complete URLs without a fragment, such as https://app.example.com/signed-in or "
                f"com.example.app:/signed-in; over http only on this machine. This one is not: {url}"
            )


def _is_redirect(url: str, *, local: bool) -> bool:
    if (
        len(url) > MAX_REDIRECT
        or "#" in url
        or "\\" in url
        or not url.isascii()
        or any(character <= " " for character in url)
    ):
        return False
    scheme = url.partition(":")[0]
    if scheme in ("http", "https"):
        # Apps on a computer listen on the loopback interface (RFC 8252, 7.3).
        return is_endpoint(url, local=True) or (local and is_endpoint(url.replace("http:", "https:", 1), local=False))
    return bool(APP_SCHEME.fullmatch(scheme))


def check_cookies(settings: Any) -> None:
    """Raise `ValueError` if no browser would accept the cookies."""
    scheme, host = urlsplit(settings.public_url).scheme, urlsplit(settings.public_url).hostname
    if settings.cookie_samesite == "none" and scheme != "https":
        raise ValueError("COOKIE_SAMESITE=none needs https in PUBLIC_URL: browsers reject such cookies over http")
    if settings.cookie_domain and not f".{host}".endswith(f".{settings.cookie_domain}"):
        raise ValueError(f"COOKIE_DOMAIN must be the host of PUBLIC_URL, {host}, or a domain that contains it")


def check_sign_up(settings: Any) -> None:
    """Raise `ValueError` if strangers could sign up although SIGN_UP says that they cannot."""
    if settings.compat_api and settings.sign_up != "open":
        raise ValueError("COMPAT_API needs SIGN_UP=open: its routes create accounts for strangers")


def check_production(settings: Any) -> None:
    """Raise `ValueError` for a setting that is unsafe in production."""
    if any(word in settings.secret_key.lower() for word in WEAK_SECRETS) or len(set(settings.secret_key)) < 10:
        raise ValueError("SECRET_KEY must be a random secret in production: use `openssl rand -base64 48`")
    if not settings.signing_key:
        raise ValueError("SIGNING_KEY must be a private key, or the path of one, in production: docs/operations.md")
    if settings.metrics == "on" and len(settings.metrics_token) < 16:
        raise ValueError("METRICS_TOKEN must have at least 16 characters in production if METRICS is on")
    if not settings.public_url.startswith("https://"):
        raise ValueError("PUBLIC_URL must be set in production, and begin with https://: links in emails use it")
    if settings.allow_common_passwords:
        raise ValueError("ALLOW_COMMON_PASSWORDS must be off in production: attackers try those passwords first")
    for provider in settings.providers:
        if provider.is_local:
            raise ValueError(f"PROVIDERS: the issuer of {provider.id} must be an https URL in production")
    if settings.compat_api:
        raise ValueError("COMPAT_API must be off in production: it gives a reset token to anyone who asks")
