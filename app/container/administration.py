"""The flows of administrators and of the people they invite: `app/container/__init__.py` gives them to the facade."""

from app.container.domain import Domain
from app.container.steps import Steps
from app.core.clock import Clock
from app.flows.account_correction import AccountCorrection
from app.flows.admin_accounts import AdminAccounts
from app.flows.admin_sessions import AdminSessions
from app.flows.invitation_answer import InvitationAnswer
from app.flows.invitations import OpenInvitations


def admin_accounts(domain: Domain, steps: Steps, clock: Clock) -> AdminAccounts:
    """Looks after other people's accounts."""
    return AdminAccounts(
        domain.work,
        clock,
        domain.accounts,
        domain.account_search,
        domain.administrators,
        domain.passwords,
        steps.notify,
        domain.journal,
        steps.require_administrator,
        steps.require_open_sign_up,
        steps.require_unreserved_email,
        steps.schedule_deletion,
        steps.revoke_access,
    )


def account_correction(domain: Domain, steps: Steps, clock: Clock) -> AccountCorrection:
    """Corrects addresses and names."""
    return AccountCorrection(
        domain.work,
        clock,
        domain.accounts,
        steps.allow_undo,
        steps.notify,
        domain.journal,
        steps.require_administrator,
        steps.require_unreserved_email,
        steps.revoke_access,
    )


def admin_sessions(domain: Domain, steps: Steps, clock: Clock) -> AdminSessions:
    """Lists and ends other people's sessions."""
    return AdminSessions(
        domain.work,
        clock,
        domain.accounts,
        domain.sessions,
        domain.journal,
        steps.require_administrator,
        steps.revoke_access,
    )


def open_invitations(domain: Domain, steps: Steps, clock: Clock) -> OpenInvitations:
    """Lists, repeats and revokes invitations."""
    return OpenInvitations(
        domain.work,
        clock,
        domain.accounts,
        domain.invitations,
        steps.require_administrator,
        steps.require_open_sign_up,
        steps.revoke_access,
        steps.purge_account,
        steps.notify,
        domain.journal,
    )


def invitation_answer(domain: Domain, steps: Steps, clock: Clock) -> InvitationAnswer:
    """What an invited person does."""
    return InvitationAnswer(
        domain.work,
        clock,
        domain.accounts,
        domain.invitations,
        domain.email_actions,
        steps.find_email_action,
        steps.make_passkey_options,
        steps.add_passkey,
        steps.open_session,
        steps.issue_tokens,
        domain.journal,
    )
