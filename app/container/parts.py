"""The parts that are made from settings alone: `app/container/` gives them to the others."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask
from limits import RateLimitItem
from prometheus_client import CollectorRegistry, Counter

from app.core.clock import Clock
from app.core.counting import parse_rates
from app.core.tcp_probe import TcpProbe
from app.domain.accounts.breached_passwords import BreachedPasswords
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.model import SNAPSHOT_COLUMNS, AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.permissions import Permissions, parse_role_permissions
from app.domain.audit.event_types import EventType
from app.domain.mail.rate_limit import EmailLimit
from app.domain.mail.sender import helo_name_of, parse_helo_name, parse_sender
from app.domain.mail.smtp import SmtpTransport, init_mail
from app.domain.passkeys import relying_party as parsers
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.sessions.store import Lifetimes
from app.domain.tokens.jwt_tokens import LEEWAY_SECONDS, JwtTokens
from app.domain.tokens.keyring import KeyRing
from app.flows.steps.email_settings import EmailSettings
from app.flows.steps.identity import AccountSessions
from config import Settings, SettingsError

Given = TypeVar("Given")
Parsed = TypeVar("Parsed")


def event_counter(registry: CollectorRegistry) -> Counter:
    """The counter of audit events, with a row for each kind."""
    counter = Counter("latchkey_audit_events", "Events written to the audit log", ("event",), registry=registry)
    for event_type in EventType:
        counter.labels(event_type.value)  # creates it with a count of zero
    return counter


def hash_slots(settings: Settings, registry: CollectorRegistry) -> HashSlots:
    """The threads that hash passwords."""
    # Together at most three quarters of the threads, so that requests that need no hash always find a free thread.
    slots, threads = settings.hash_slots, settings.threads
    rejected = Counter("latchkey_hash_slots_refused", "Password hashes rejected: no free slot", registry=registry)
    return HashSlots(
        slots,
        queue=min(4 * slots, max(threads // 4, slots)),
        max_blocked=max(threads // 2 - slots, 0),
        on_rejected=rejected.inc,
    )


def passwords(settings: Settings, slots: HashSlots) -> Passwords:
    """The rules and the hash of passwords."""
    return Passwords(
        rounds=settings.bcrypt_rounds,
        min_length=settings.password_min_length,
        slots=slots,
        breached_passwords=BreachedPasswords(settings.breached_passwords_url),
        service=("latchkey", host_of(settings)),
        allow_common=settings.allow_common_passwords,
    )


def session_store(settings: Settings) -> AccountSessions:
    """The store of sessions with the lifetimes of the settings."""
    idle, absolute = settings.jwt_refresh_token_expires, settings.session_lifetime
    lifetimes = Lifetimes(idle=timedelta(seconds=idle), absolute=timedelta(seconds=absolute))
    return AccountSessions(lifetimes, AccountSnapshot, SNAPSHOT_COLUMNS)


def lasting_sessions() -> AccountSessions:
    """The store of the compatibility API, whose sessions last ten years."""
    never = timedelta(days=3_650)
    return AccountSessions(Lifetimes(idle=never, absolute=never), AccountSnapshot, SNAPSHOT_COLUMNS)


def key_ring(settings: Settings, clock: Clock) -> KeyRing:
    """The signing keys."""
    lifetime = timedelta(seconds=settings.jwt_refresh_token_expires + LEEWAY_SECONDS)
    secrets = secrets_at_rest(settings)
    return KeyRing(clock, first=settings.signing_key, secrets=secrets, max_token_lifetime=lifetime)


def link_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets of links and codes, the one that signs first."""
    return settings.secret_key, *settings.secret_key_fallbacks


def secrets_at_rest(settings: Settings) -> tuple[str, ...]:
    """The secrets of keys and of the audit log, the newest first."""
    # With a separate secret, an attacker who learns SECRET_KEY can neither insert a signing key nor forge an event.
    fallbacks = settings.key_encryption_secret_fallbacks
    if settings.key_encryption_secret:
        return settings.key_encryption_secret, *fallbacks
    return settings.secret_key, *fallbacks, *settings.secret_key_fallbacks


def bearer_tokens(app: Flask, settings: Settings, keys: KeyRing) -> JwtTokens:
    """The tokens that clients send."""
    lifetime = timedelta(seconds=settings.jwt_access_token_expires)
    tokens = JwtTokens(keys, access_lifetime=lifetime, issuer=settings.public_url, audience=settings.jwt_audience)
    tokens.init_jwt(app)
    return tokens


def permissions(settings: Settings) -> Permissions:
    """The permissions of each role. Raises `SettingsError`."""
    return Permissions(_valid("ROLE_PERMISSIONS", parse_role_permissions, settings.role_permissions))


def host_of(settings: Settings) -> str:
    """The name that people reach us by."""
    return urlsplit(settings.public_url).hostname or "localhost"


def relying_party(settings: Settings) -> RelyingParty:
    """For which domain passkeys are, and which pages and apps may use them. Raises `SettingsError`."""
    rp_id = _valid("PASSKEY_RP_ID", parsers.parse_rp_id, settings.passkey_rp_id) if settings.passkey_rp_id else ""
    android = _valid("ANDROID_APPS", parsers.parse_android_apps, settings.android_apps)
    apple = _valid("APPLE_APPS", parsers.parse_apple_apps, settings.apple_apps)
    rp_id = rp_id or host_of(settings)
    given = _valid("PASSKEY_ORIGINS", parsers.parse_origins, settings.passkey_origins)
    pages = given or parsers.pages_on(rp_id, (settings.public_url, *settings.cors_origins))
    origins = dict.fromkeys((*pages, *(app.origin for app in android)))
    chosen = settings.passkey_rp_id or settings.passkey_origins
    if chosen and not any(parsers.is_on(origin, rp_id) for origin in origins):
        raise SettingsError(f"PASSKEY_ORIGINS: no page is on PASSKEY_RP_ID, {rp_id}, so no browser could use a passkey")
    return RelyingParty(rp_id, host_of(settings), tuple(origins), android, apple)


def probes(settings: Settings) -> dict[str, TcpProbe]:
    """What the health check connects to."""
    redis = urlsplit(settings.redis_url)
    others = {"redis": TcpProbe(redis.hostname or "localhost", redis.port or 6379)} if settings.redis_url else {}
    return others | {"mail": TcpProbe(settings.mail_server, settings.mail_port)}


def rates(settings: Settings) -> dict[str, tuple[RateLimitItem, ...]]:
    """The rates of all RATELIMIT_ settings. Raises `SettingsError`."""
    texts = {name: text for name, text in settings if name.startswith("ratelimit_") and isinstance(text, str)}
    return {name: _valid(name.upper(), parse_rates, text) for name, text in texts.items()}


def email_limit(settings: Settings) -> EmailLimit:
    """How many emails of a kind a mailbox gets."""
    return EmailLimit(settings.email_burst, timedelta(minutes=settings.email_interval_minutes))


def email_settings(settings: Settings) -> EmailSettings:
    """What emails say about the service."""
    return EmailSettings(
        public_url=settings.public_url,
        sign_in_url=settings.sign_in_url,
        reset_password_url=settings.reset_password_url,
        verify_email_url=settings.verify_email_url,
        sign_in_link_url=settings.sign_in_link_url,
        reset_link_lifetime=timedelta(seconds=settings.reset_link_expires),
        verify_link_lifetime=timedelta(seconds=settings.verify_link_expires),
        sign_in_link_lifetime=timedelta(seconds=settings.sign_in_link_expires),
        invitation_lifetime=timedelta(seconds=settings.invitation_link_expires),
    )


def mail_transport(app: Flask, settings: Settings) -> SmtpTransport:
    """The connection to the mail server."""
    init_mail(
        app,
        server=settings.mail_server,
        port=settings.mail_port,
        username=settings.mail_username,
        password=settings.mail_password,
        use_tls=settings.mail_use_tls,
        use_ssl=settings.mail_use_ssl,
        sender=_valid("MAIL_DEFAULT_SENDER", parse_sender, settings.mail_default_sender),
        helo_name=_helo_name(settings),
        timeout=settings.mail_timeout,
    )
    return SmtpTransport()


def _helo_name(settings: Settings) -> str:
    if settings.mail_helo_name:
        return _valid("MAIL_HELO_NAME", parse_helo_name, settings.mail_helo_name)
    return helo_name_of(host_of(settings))


def _valid(name: str, parse: Callable[[Given], Parsed], text: Given) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
