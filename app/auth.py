"""The one door: everything a route or a command can ask for, grouped by flow."""

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy.exc import InvalidRequestError, NoResultFound

from app.core.clock import Clock
from app.core.work import Work
from app.domain.accounts.breaches import Breaches
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlots, HashSlotsFull
from app.domain.accounts.model import SNAPSHOT_COLUMNS, AccountSnapshot
from app.domain.accounts.passwords import REFUSALS as PASSWORD_REFUSALS
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.store import AccountStore, EmailTaken
from app.domain.audit.chain import Chain
from app.domain.audit.head import HeadStore
from app.domain.audit.journal import Journal
from app.domain.audit.seal import Sealer
from app.domain.audit.verify import Verifier
from app.domain.challenges.store import ChallengeStore
from app.domain.limits.counters import Counters
from app.domain.limits.guesses import Guesses
from app.domain.mail.console import CaughtLetter
from app.domain.mail.letters import Letters
from app.domain.mail.outbox import Outbox
from app.domain.mail.smtp import SmtpPost, init_mail
from app.domain.sessions.store import Lifetimes, SessionStore
from app.domain.tokens.bearer import ACCESS, LEEWAY_SECONDS, REFRESH, BearerTokens, InvalidToken, TokenExpired
from app.domain.tokens.codes import CodeInvalid, Codes
from app.domain.tokens.csrf import CsrfMismatch, CsrfTokens
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.links import LinkExpired, LinkInvalid, Links, LinkUsed
from app.flows.activity import Activity
from app.flows.audit import Audit
from app.flows.classic import Classic
from app.flows.csrf import Csrf
from app.flows.deletion import Deletion
from app.flows.devices import Devices, NoSuchSession
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.health import Health, NotReady
from app.flows.housekeeping import Housekeeping
from app.flows.key_rotation import KeyRotation
from app.flows.letter_previews import LetterPreviews
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.not_me import NotMe
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.registration import Registration
from app.flows.sessions import Identity, Scope, Sessions
from app.flows.sign_in import EmailNotVerified, SignIn
from app.flows.steps.check_password import CheckPassword, FreshSignInNeeded, InvalidCredentials, WrongPassword
from app.flows.steps.erase_account import EraseAccount
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.known_device import KnownDevice
from app.flows.steps.meet_challenge import MeetChallenge
from app.flows.steps.prepare_letter import Letterhead, PrepareLetter
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_fresh import RequireFresh
from config import Settings

__all__ = [
    "ACCESS", "PASSWORD_REFUSALS", "REFRESH", "AccountSnapshot", "Auth", "CodeInvalid", "CsrfMismatch",
    "EmailNotVerified", "EmailTaken", "FreshSignInNeeded", "HashSlotsFull", "Identity", "InvalidCredentials",
    "InvalidEmail", "InvalidRequestError", "InvalidToken", "LinkExpired", "LinkInvalid", "LinkUsed", "Mailbox",
    "NoResultFound", "NoSuchSession", "NotReady", "Scope", "TokenExpired", "Tokens", "WrongPassword", "build_auth",
]  # fmt: skip


Flow = TypeVar("Flow")


class Mailbox(Protocol):
    """Where the mail console keeps the letters it caught."""

    def letters(self) -> list[CaughtLetter]:
        """All of them, newest first."""

    def letter(self, letter_id: str) -> CaughtLetter | None:
        """One of them."""


@dataclass(frozen=True, slots=True)
class Auth:
    """One attribute per flow. Ask like `auth.password_reset.request(email, origin)`."""

    registration: Registration
    sign_in: SignIn
    sessions: Sessions
    devices: Devices
    csrf: Csrf
    profile: Profile
    email_verification: EmailVerification
    email_change: EmailChange
    password_change: PasswordChange
    password_reset: PasswordReset
    not_me: NotMe
    deletion: Deletion
    export: Export
    activity: Activity
    audit: Audit
    classic: Classic
    keys: KeyRotation
    mail_delivery: MailDelivery
    mail_queue: MailQueue
    letters: LetterPreviews
    housekeeping: Housekeeping
    health: Health
    mailbox: Mailbox | None


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Every flow, wired to the rooms it needs. The only place that knows which class plays which part."""
    wire = _Wiring(_parts(app, settings, clock))
    letterhead = _letterhead(settings)
    prepare = wire(PrepareLetter, letterhead=letterhead)
    return Auth(
        registration=wire(Registration),
        sign_in=wire(SignIn, require_verified=settings.require_verified_email),
        sessions=wire(Sessions, grace=timedelta(seconds=settings.refresh_grace_seconds)),
        devices=wire(Devices),
        csrf=wire(Csrf),
        profile=wire(Profile),
        email_verification=wire(EmailVerification),
        email_change=wire(EmailChange, link_lifetime=letterhead.verify_link_lifetime),
        password_change=wire(PasswordChange),
        password_reset=wire(PasswordReset),
        not_me=wire(NotMe),
        deletion=wire(Deletion, grace=timedelta(days=settings.deletion_grace_days)),
        export=wire(Export, rooms=wire.exports()),
        activity=wire(Activity),
        audit=wire(Audit),
        classic=wire(Classic, sessions=_lasting_sessions(), token_lifetime=letterhead.reset_link_lifetime),
        keys=wire(
            KeyRotation, issuer=settings.public_url, audience=settings.jwt_audience, algorithm=settings.jwt_algorithm
        ),
        mail_delivery=wire(MailDelivery, prepare=prepare, post=_post(app, settings), jitter=random.SystemRandom()),
        mail_queue=wire(MailQueue),
        letters=wire(LetterPreviews),
        housekeeping=wire(Housekeeping, events_kept=timedelta(days=settings.audit_retention_days)),
        health=wire(Health),
        mailbox=mailbox,
    )


class _Wiring:
    """Builds a flow from the parts that its constructor names; a name that no part has is an error at start."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts

    def __call__(self, flow: Callable[..., Flow], **own: object) -> Flow:
        needed = inspect.signature(flow).parameters.keys() - own.keys()
        return flow(**{name: self._parts[name] for name in needed}, **own)

    def exports(self) -> dict[str, Callable[[str], list[dict[str, Any]]]]:
        """What each room keeps about an account, by the name of its table."""
        rooms = {"sessions": "sessions", "challenges": "challenges", "outbox": "outbox", "audit_events": "journal"}
        return {table: self._parts[part].export for table, part in rooms.items()}


def _parts(app: Flask, settings: Settings, clock: Clock) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "clock": clock, "work": Work(), "accounts": AccountStore(), "passwords": _passwords(settings),
        "sessions": _session_store(settings), "challenges": ChallengeStore(),
        "chain": Chain(_secret_at_rest(settings)),
        "outbox": Outbox(_host(settings)), "letters": Letters(settings.letters_path),
        "links": Links(settings.secret_key, clock), "codes": Codes(settings.secret_key),
        "csrf": CsrfTokens(settings.secret_key), "keys": _key_ring(settings, clock),
    }  # fmt: skip
    parts["guesses"] = Guesses(Counters(settings.redis_url), enabled=settings.ratelimit_enabled)
    wire = _Wiring(parts)
    parts["journal"] = wire(Journal)
    parts["heads"] = wire(HeadStore)
    parts["sealer"] = wire(Sealer)
    parts["verifier"] = wire(Verifier)
    parts["tokens"] = parts["bearer"] = _bearer_tokens(app, settings, parts["keys"])
    parts["issue_tokens"] = wire(IssueTokens)
    parts["known_device"] = wire(KnownDevice)
    parts["check_password"] = wire(CheckPassword)
    parts["meet_challenge"] = wire(MeetChallenge)
    parts["erase_account"] = wire(EraseAccount)
    parts["replace_password"] = wire(ReplacePassword)
    parts["require_fresh"] = wire(RequireFresh, window=timedelta(seconds=settings.fresh_seconds))
    return parts


def _passwords(settings: Settings) -> Passwords:
    slots = HashSlots(settings.hash_slots, queue=4 * settings.hash_slots)
    return Passwords(
        rounds=settings.bcrypt_rounds, min_length=settings.password_min_length, slots=slots,
        breaches=Breaches(settings.breached_passwords_url), service=("latchkey", _host(settings)),
    )  # fmt: skip


def _session_store(settings: Settings) -> SessionStore[AccountSnapshot]:
    idle, absolute = settings.jwt_refresh_token_expires, settings.session_lifetime
    lifetimes = Lifetimes(idle=timedelta(seconds=idle), absolute=timedelta(seconds=absolute))
    return SessionStore(lifetimes, AccountSnapshot, SNAPSHOT_COLUMNS)


def _lasting_sessions() -> SessionStore[AccountSnapshot]:
    never = timedelta(days=3_650)
    return SessionStore(Lifetimes(idle=never, absolute=never), AccountSnapshot, SNAPSHOT_COLUMNS)


def _key_ring(settings: Settings, clock: Clock) -> KeyRing:
    longest = timedelta(seconds=settings.jwt_refresh_token_expires + LEEWAY_SECONDS)
    return KeyRing(clock, first=settings.signing_key, secret=_secret_at_rest(settings), longest=longest)


def _secret_at_rest(settings: Settings) -> str:
    return settings.key_encryption_secret or settings.secret_key


def _bearer_tokens(app: Flask, settings: Settings, keys: KeyRing) -> BearerTokens:
    lifetime = timedelta(seconds=settings.jwt_access_token_expires)
    tokens = BearerTokens(keys, access_lifetime=lifetime, issuer=settings.public_url, audience=settings.jwt_audience)
    tokens.install(app)
    return tokens


def _letterhead(settings: Settings) -> Letterhead:
    return Letterhead(
        public_url=settings.public_url,
        sign_in_url=settings.sign_in_url,
        reset_password_url=settings.reset_password_url,
        verify_email_url=settings.verify_email_url,
        reset_link_lifetime=timedelta(seconds=settings.reset_link_expires),
        verify_link_lifetime=timedelta(seconds=settings.verify_link_expires),
    )


def _host(settings: Settings) -> str:
    return urlsplit(settings.public_url).hostname or "localhost"


def _post(app: Flask, settings: Settings) -> SmtpPost:
    init_mail(
        app, server=settings.mail_server, port=settings.mail_port, username=settings.mail_username,
        password=settings.mail_password, use_tls=settings.mail_use_tls, use_ssl=settings.mail_use_ssl,
        default_sender=settings.mail_default_sender, timeout=settings.mail_timeout,
    )  # fmt: skip
    return SmtpPost()
