"""The facade: everything a route or a command can ask for, one attribute per flow."""

from dataclasses import dataclass
from typing import Protocol

from app.domain.mail.console import CaughtLetter
from app.flows.activity import Activity
from app.flows.administered_sessions import AdministeredSessions
from app.flows.administration import Administration
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
from app.flows.health import Health
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
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn


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
