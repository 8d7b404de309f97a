"""The facade: everything a route or a command can ask for, one attribute per flow."""

from dataclasses import dataclass
from typing import Protocol

from app.domain.mail.console import CaughtLetter
from app.flows.account_deletion import Deletion
from app.flows.account_recovery import NotMe
from app.flows.activity import Activity
from app.flows.admin_accounts import Administration
from app.flows.admin_sessions import AdministeredSessions
from app.flows.audit_log import AuditTrail
from app.flows.audit_sealing import Audit
from app.flows.cleanup import Housekeeping
from app.flows.compat import Classic
from app.flows.csrf import Csrf
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.health import Health
from app.flows.key_rotation import KeyRotation
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.own_sessions import Devices
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.registration import Registration
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn
from app.flows.stats import Figures
from app.flows.template_previews import LetterPreviews


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
