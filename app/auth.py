"""The one door: everything a route or a command can ask for, grouped by flow."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from flask import Flask
from sqlalchemy.exc import InvalidRequestError, NoResultFound

from app.core.clock import Clock
from app.core.pages import InvalidCursor
from app.domain.accounts.administrators import LastAdmin
from app.domain.accounts.directory import Lookup
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.passwords import REFUSALS as PASSWORD_REFUSALS
from app.domain.accounts.passwords import PasswordTooLong
from app.domain.accounts.roles import ADMIN, InvalidRoles
from app.domain.accounts.store import EmailTaken, NoSuchAccount
from app.domain.mail.console import CaughtLetter
from app.domain.sessions.devices import NoSuchSession
from app.domain.tokens.bearer import ACCESS, REFRESH, InvalidToken, TokenExpired
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.flows.activity import Activity
from app.flows.administered_sessions import AdministeredSessions
from app.flows.administration import AccountDisabled, Administration
from app.flows.audit import Audit
from app.flows.audit_trail import AuditTrail
from app.flows.classic import Classic
from app.flows.csrf import Csrf
from app.flows.deletion import Deletion
from app.flows.devices import Devices
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.figures import Figures
from app.flows.health import Health, NotReady
from app.flows.housekeeping import Housekeeping
from app.flows.key_rotation import KeyRotation
from app.flows.letter_previews import LetterPreviews
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue, NoSuchMail, NothingToRetry
from app.flows.not_me import NotMe
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.registration import Registration
from app.flows.sessions import Identity, Scope, Sessions
from app.flows.sign_in import SignIn
from app.flows.steps.check_password import FreshSignInNeeded, InvalidCredentials, WrongPassword
from app.flows.steps.issue_tokens import Tokens
from app.flows.steps.prepare_letter import PrepareLetter
from app.parts import Wiring, lasting_sessions, letterhead_of, others_of, parts_of, post_of
from config import Settings

__all__ = [
    "ACCESS", "ADMIN", "PASSWORD_REFUSALS", "REFRESH", "AccountDisabled", "AccountSnapshot", "Auth", "CodeInvalid",
    "CsrfMismatch", "EmailTaken", "FreshSignInNeeded", "HashSlotsFull", "Identity",
    "InvalidCredentials", "InvalidCursor", "InvalidEmail", "InvalidRequestError", "InvalidRoles", "InvalidToken",
    "LastAdmin", "LinkExpired", "LinkInvalid", "LinkUsed", "Lookup", "Mailbox", "NoResultFound", "NoSuchAccount",
    "NoSuchMail", "NoSuchSession", "NotReady", "NothingToRetry", "PasswordTooLong", "Scope", "TokenExpired", "Tokens",
    "WrongPassword", "build_auth",
]  # fmt: skip


class Mailbox(Protocol):
    """Where the mail console keeps the letters it caught."""

    @property
    def listens(self) -> bool:
        """Whether it gets our emails, and not another mail server."""

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
    administration: Administration
    administered_sessions: AdministeredSessions
    audit_trail: AuditTrail
    activity: Activity
    audit: Audit
    classic: Classic
    keys: KeyRotation
    mail_delivery: MailDelivery
    mail_queue: MailQueue
    letters: LetterPreviews
    housekeeping: Housekeeping
    health: Health
    figures: Figures
    mailbox: Mailbox | None


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Every flow, wired to the rooms it needs. The only place that knows which class plays which part."""
    wire = Wiring(parts_of(app, settings, clock))
    letterhead = letterhead_of(settings)
    prepare = wire(PrepareLetter, letterhead=letterhead)
    return Auth(
        registration=wire(Registration),
        sign_in=wire(SignIn),
        sessions=wire(Sessions, grace=timedelta(seconds=settings.refresh_grace_seconds)),
        devices=wire(Devices),
        csrf=wire(Csrf),
        profile=wire(Profile),
        email_verification=wire(EmailVerification),
        email_change=wire(EmailChange, link_lifetime=letterhead.verify_link_lifetime),
        password_change=wire(PasswordChange),
        password_reset=wire(PasswordReset),
        not_me=wire(NotMe),
        deletion=wire(Deletion),
        export=wire(Export, rooms=wire.exports()),
        administration=wire(Administration),
        administered_sessions=wire(AdministeredSessions),
        audit_trail=wire(AuditTrail),
        activity=wire(Activity),
        audit=wire(Audit),
        classic=wire(Classic, sessions=lasting_sessions(), token_lifetime=letterhead.reset_link_lifetime),
        keys=wire(
            KeyRotation, issuer=settings.public_url, audience=settings.jwt_audience, algorithm=settings.jwt_algorithm
        ),
        mail_delivery=wire(MailDelivery, prepare=prepare, post=post_of(app, settings), jitter=random.SystemRandom()),
        mail_queue=wire(MailQueue),
        letters=wire(LetterPreviews),
        housekeeping=wire(
            Housekeeping,
            events_kept=timedelta(days=settings.audit_retention_days),
            interval=timedelta(minutes=settings.housekeeping_minutes),
        ),
        health=wire(Health, others=others_of(settings)),
        figures=wire(Figures),
        mailbox=mailbox,
    )
