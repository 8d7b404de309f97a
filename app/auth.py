"""The facade: everything a route or a command can ask for, one attribute per flow."""

from dataclasses import dataclass
from typing import Protocol

from app.domain.mail.console import CaughtMessage
from app.flows.account_correction import AccountCorrection
from app.flows.account_deletion import AccountDeletion
from app.flows.account_recovery import AccountRecovery
from app.flows.activity import Activity
from app.flows.admin_accounts import AdminAccounts
from app.flows.admin_sessions import AdminSessions
from app.flows.app_sign_in import AppSignIn
from app.flows.associated_apps import AssociatedApps
from app.flows.audit_log import AuditLog
from app.flows.audit_sealing import AuditSealing
from app.flows.cleanup import Cleanup
from app.flows.compat import Compat
from app.flows.csrf import Csrf
from app.flows.email_change import EmailChange
from app.flows.email_sign_in import EmailSignIn
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.factors import Factors
from app.flows.health import Health
from app.flows.identities import Identities
from app.flows.invitation_answer import InvitationAnswer
from app.flows.invitations import OpenInvitations
from app.flows.key_figures import KeyFigures
from app.flows.key_rotation import KeyRotation
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.own_sessions import OwnSessions
from app.flows.passkey_sign_in import PasskeySignIn
from app.flows.passkey_sign_up import PasskeySignUp
from app.flows.passkeys import Passkeys
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.provider_sign_in import ProviderSignIn
from app.flows.reauthentication import Reauthentication
from app.flows.registration import Registration
from app.flows.second_factor import SecondFactor
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn
from app.flows.stats import Stats
from app.flows.template_previews import TemplatePreviews
from app.flows.trusted_devices import TrustedDevices


class Mailbox(Protocol):
    """Where the mail console keeps the emails it caught."""

    @property
    def is_running(self) -> bool:
        """Whether it gets our emails, and not another mail server."""

    def messages(self) -> list[CaughtMessage]:
        """All of them, newest first."""

    def message(self, message_id: str) -> CaughtMessage | None:
        """One of them."""


@dataclass(frozen=True, slots=True)
class Auth:
    """One attribute per flow. Ask like `auth.password_reset.request(email, origin)`."""

    registration: Registration
    sign_in: SignIn
    passkey_sign_in: PasskeySignIn
    passkey_sign_up: PasskeySignUp
    open_invitations: OpenInvitations
    invitation_answer: InvitationAnswer
    app_sign_in: AppSignIn
    provider_sign_in: ProviderSignIn
    identities: Identities
    email_sign_in: EmailSignIn
    second_factor: SecondFactor
    reauthentication: Reauthentication
    factors: Factors
    trusted_devices: TrustedDevices
    passkeys: Passkeys
    associated_apps: AssociatedApps
    sessions: Sessions
    own_sessions: OwnSessions
    csrf: Csrf
    profile: Profile
    email_verification: EmailVerification
    email_change: EmailChange
    password_change: PasswordChange
    password_reset: PasswordReset
    account_recovery: AccountRecovery
    account_deletion: AccountDeletion
    export: Export
    admin_accounts: AdminAccounts
    account_correction: AccountCorrection
    admin_sessions: AdminSessions
    audit_log: AuditLog
    activity: Activity
    audit_sealing: AuditSealing
    compat: Compat
    key_figures: KeyFigures
    key_rotation: KeyRotation
    mail_delivery: MailDelivery
    mail_queue: MailQueue
    template_previews: TemplatePreviews
    cleanup: Cleanup
    health: Health
    stats: Stats
    mailbox: Mailbox | None
