"""The parts that flows are made of, each built from the settings once, and how a flow gets those that it names."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask

from app.core.clock import Clock
from app.core.ports import Port
from app.core.tally import Tally
from app.core.work import Work
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.breaches import Breaches
from app.domain.accounts.directory import AccountDirectory
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.model import SNAPSHOT_COLUMNS, AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore
from app.domain.audit.chain import Chain
from app.domain.audit.head import HeadStore
from app.domain.audit.journal import Journal
from app.domain.audit.seal import Sealer
from app.domain.audit.tags import Tag
from app.domain.audit.verify import Verifier
from app.domain.challenges.store import ChallengeStore
from app.domain.leases.store import Leases
from app.domain.limits.counters import Counters
from app.domain.limits.guesses import Guesses
from app.domain.mail.letters import Letters
from app.domain.mail.outbox import Outbox
from app.domain.mail.smtp import SmtpPost, init_mail
from app.domain.sessions.store import Lifetimes, SessionStore
from app.domain.tokens.bearer import LEEWAY_SECONDS, BearerTokens
from app.domain.tokens.codes import Codes
from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.links import Links
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.delete_account import DeleteAccount
from app.flows.steps.erase_account import EraseAccount
from app.flows.steps.issue_tokens import IssueTokens
from app.flows.steps.known_device import KnownDevice
from app.flows.steps.meet_challenge import MeetChallenge
from app.flows.steps.open_session import OpenSession
from app.flows.steps.prepare_letter import Letterhead
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_administrator import RequireAdministrator
from app.flows.steps.require_fresh import RequireFresh
from app.flows.steps.require_unreserved import RequireUnreserved
from app.flows.steps.revoke_access import RevokeAccess
from config import Settings

Flow = TypeVar("Flow")


class Wiring:
    """Builds a flow from the parts that its constructor names; a name that no part has is an error at start."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts

    def __call__(self, flow: Callable[..., Flow], **own: object) -> Flow:
        needed = inspect.signature(flow).parameters.keys() - own.keys()
        return flow(**{name: self._parts[name] for name in needed}, **own)

    def exports(self) -> dict[str, Callable[[AccountSnapshot], list[dict[str, Any]]]]:
        """What each room keeps about an account, by the name of its table."""
        rooms = {"sessions": "sessions", "challenges": "challenges", "outbox": "outbox", "audit_events": "journal"}
        return {table: self._parts[part].export for table, part in rooms.items()}


def parts_of(app: Flask, settings: Settings, clock: Clock) -> dict[str, Any]:
    """Everything that a constructor may name."""
    slots, threads = settings.hash_slots, settings.threads
    # Together three quarters of the threads, unless there are more slots than half of these: the rest needs no hash.
    hash_slots = HashSlots(slots, queue=min(4 * slots, max(threads // 4, slots)), room=max(threads // 2 - slots, 0))
    parts: dict[str, Any] = {
        "clock": clock, "work": Work(), "leases": Leases(), "recorded": Tally(Tag), "accounts": AccountStore(),
        "directory": AccountDirectory(), "administrators": Administrators(), "hash_slots": hash_slots,
        "passwords": _passwords(settings, hash_slots),
        "sessions": _session_store(settings), "challenges": ChallengeStore(),
        "chain": Chain(_secrets_at_rest(settings)),
        "outbox": Outbox(host_of(settings)), "letters": Letters(settings.letters_path),
        "links": Links(_secrets_of_links(settings), clock), "codes": Codes(_secrets_of_links(settings)),
        "csrf": CsrfTokens(_secrets_of_links(settings)), "keys": _key_ring(settings, clock),
    }  # fmt: skip
    parts["guesses"] = Guesses(Counters(settings.redis_url), enabled=settings.ratelimit_enabled)
    wire = Wiring(parts)
    parts["journal"] = wire(Journal)
    parts["heads"] = wire(HeadStore)
    parts["sealer"] = wire(Sealer)
    parts["verifier"] = wire(Verifier)
    parts["tokens"] = parts["bearer"] = _bearer_tokens(app, settings, parts["keys"])
    parts["issue_tokens"] = wire(IssueTokens)
    parts["known_device"] = wire(KnownDevice)
    parts["open_session"] = wire(OpenSession)
    parts["revoke_access"] = wire(RevokeAccess)
    parts["require_unreserved"] = wire(RequireUnreserved)
    parts["check_password"] = wire(CheckPassword, require_verified=settings.require_verified_email)
    parts["meet_challenge"] = wire(MeetChallenge)
    parts["erase_account"] = wire(EraseAccount)
    parts["delete_account"] = wire(DeleteAccount, grace=timedelta(days=settings.deletion_grace_days))
    parts["replace_password"] = wire(ReplacePassword)
    parts["require_fresh"] = wire(RequireFresh, window=timedelta(seconds=settings.fresh_seconds))
    parts["require_administrator"] = wire(RequireAdministrator)
    return parts


def _passwords(settings: Settings, slots: HashSlots) -> Passwords:
    return Passwords(
        rounds=settings.bcrypt_rounds, min_length=settings.password_min_length, slots=slots,
        breaches=Breaches(settings.breached_passwords_url), service=("latchkey", host_of(settings)),
        allow_common=settings.allow_common_passwords,
    )  # fmt: skip


def _session_store(settings: Settings) -> SessionStore[AccountSnapshot]:
    idle, absolute = settings.jwt_refresh_token_expires, settings.session_lifetime
    lifetimes = Lifetimes(idle=timedelta(seconds=idle), absolute=timedelta(seconds=absolute))
    return SessionStore(lifetimes, AccountSnapshot, SNAPSHOT_COLUMNS)


def lasting_sessions() -> SessionStore[AccountSnapshot]:
    """Sessions that never run out, in practice."""
    never = timedelta(days=3_650)
    return SessionStore(Lifetimes(idle=never, absolute=never), AccountSnapshot, SNAPSHOT_COLUMNS)


def _key_ring(settings: Settings, clock: Clock) -> KeyRing:
    longest = timedelta(seconds=settings.jwt_refresh_token_expires + LEEWAY_SECONDS)
    return KeyRing(clock, first=settings.signing_key, secrets=_secrets_at_rest(settings), longest=longest)


def _secrets_of_links(settings: Settings) -> tuple[str, ...]:
    return settings.secret_key, *settings.secret_key_fallbacks


def _secrets_at_rest(settings: Settings) -> tuple[str, ...]:
    # Where there is a secret for what rests, whoever learns SECRET_KEY can plant no signing key and forge no event.
    fallbacks = settings.key_encryption_secret_fallbacks
    if settings.key_encryption_secret:
        return settings.key_encryption_secret, *fallbacks
    return settings.secret_key, *fallbacks, *settings.secret_key_fallbacks


def _bearer_tokens(app: Flask, settings: Settings, keys: KeyRing) -> BearerTokens:
    lifetime = timedelta(seconds=settings.jwt_access_token_expires)
    tokens = BearerTokens(keys, access_lifetime=lifetime, issuer=settings.public_url, audience=settings.jwt_audience)
    tokens.install(app)
    return tokens


def host_of(settings: Settings) -> str:
    """The name that people reach us by."""
    return urlsplit(settings.public_url).hostname or "localhost"


def others_of(settings: Settings) -> dict[str, Port]:
    """The servers that we can do without for a while, by name."""
    redis = urlsplit(settings.redis_url)
    others = {"redis": Port(redis.hostname or "localhost", redis.port or 6379)} if settings.redis_url else {}
    return others | {"mail": Port(settings.mail_server, settings.mail_port)}


def letterhead_of(settings: Settings) -> Letterhead:
    """What letters say about ourselves."""
    return Letterhead(
        public_url=settings.public_url,
        sign_in_url=settings.sign_in_url,
        reset_password_url=settings.reset_password_url,
        verify_email_url=settings.verify_email_url,
        reset_link_lifetime=timedelta(seconds=settings.reset_link_expires),
        verify_link_lifetime=timedelta(seconds=settings.verify_link_expires),
    )


def post_of(app: Flask, settings: Settings) -> SmtpPost:
    """The way to the mail server."""
    init_mail(
        app, server=settings.mail_server, port=settings.mail_port, username=settings.mail_username,
        password=settings.mail_password, use_tls=settings.mail_use_tls, use_ssl=settings.mail_use_ssl,
        default_sender=settings.mail_default_sender, timeout=settings.mail_timeout,
    )  # fmt: skip
    return SmtpPost()
