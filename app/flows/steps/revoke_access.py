"""Step: end sessions, and revoke what emails and trusted devices still allow. No flow does it by itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.core.client_info import ClientInfo
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import EmailActionStore
from app.domain.trusted_devices.store import TrustedDeviceStore
from app.flows.steps.identity import AccountSessions


class Cause(StrEnum):
    """Why access is revoked."""

    PASSWORD_CHANGED = "password changed"  # noqa: S105 - a cause, no secret
    PASSWORD_RESET = "password reset"  # noqa: S105 - a cause, no secret
    SECURED = "this was not me"
    CLAIMED = "claimed by the owner of the address"
    EMAIL_CHANGED = "address changed"
    EMAIL_REPLACED = "address replaced without being confirmed"
    EMAIL_CHANGE_UNDONE = "change of address undone"
    DELETED = "deletion scheduled"
    DISABLED = "disabled"
    FACTOR_ADDED = "second factor added"
    FACTOR_ADDITION_UNDONE = "addition of a second factor undone"
    FACTOR_REMOVED = "second factor removed"
    PASSKEY_REMOVED = "passkey removed"
    IDENTITY_UNLINKED = "identity unlinked"
    FACTORS_RESET = "second factors removed by an administrator"
    SIGNED_OUT = "signed out"


_PASSWORD_LINKS: Final = (Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL)
_ALL_LINKS: Final = (*_PASSWORD_LINKS, Purpose.VERIFY_EMAIL)
# UNDO_EMAIL_CHANGE is in no row: only its use and its time end it. Every one of these causes is within the reach of a
# thief who has moved the account to an address of their own, and the undo link is then the only way back.
REVOKED: Final = {
    Cause.PASSWORD_CHANGED: _PASSWORD_LINKS,
    Cause.PASSWORD_RESET: _PASSWORD_LINKS,
    Cause.SECURED: _PASSWORD_LINKS,
    Cause.CLAIMED: _PASSWORD_LINKS,
    Cause.EMAIL_CHANGED: _ALL_LINKS,
    Cause.EMAIL_REPLACED: _ALL_LINKS,
    Cause.EMAIL_CHANGE_UNDONE: _ALL_LINKS,
    Cause.DELETED: _ALL_LINKS,
    Cause.DISABLED: _ALL_LINKS,
    Cause.FACTOR_ADDED: (),
    Cause.FACTOR_ADDITION_UNDONE: _PASSWORD_LINKS,
    Cause.FACTOR_REMOVED: (),
    Cause.PASSKEY_REMOVED: (),
    Cause.IDENTITY_UNLINKED: (),
    Cause.FACTORS_RESET: _PASSWORD_LINKS,
    Cause.SIGNED_OUT: (),
}
SESSIONS_STAY: Final = frozenset({Cause.EMAIL_CHANGED})  # the owner changed it, in one of them
# A device was trusted by an owner with these credentials and factors.
DEVICES_STAY: Final = frozenset(
    {Cause.EMAIL_CHANGED, Cause.FACTOR_ADDED, Cause.SIGNED_OUT, Cause.DISABLED, Cause.DELETED}
)


@dataclass(frozen=True, slots=True)
class RevokeAccess:
    """Ends sessions, pending email actions and trusted devices, as the cause asks for."""

    sessions: AccountSessions
    email_actions: EmailActionStore
    trusted_devices: TrustedDeviceStore

    def __call__(
        self, account_id: str, cause: Cause, now: datetime, *, keep: str | None = None, keep_device: str | None = None
    ) -> None:
        """End every session but `keep`, and revoke the links and codes of emails that `REVOKED` names for the cause.

        No device is trusted any longer but the one with the token `keep_device`. In a unit of work that has locked the
        account's row: every flow takes that row first, so no two of them deadlock, and none can open a session or use a
        link in between. `SIGNED_OUT` revokes no link and needs no lock.
        """
        if REVOKED[cause]:
            self.email_actions.revoke(account_id, REVOKED[cause])
        if cause not in SESSIONS_STAY:
            self.sessions.end_all(account_id, now, but=keep)
        if cause not in DEVICES_STAY:
            self.trusted_devices.remove_all(account_id, but=keep_device)

    def of_reset_links(self, account_id: str) -> None:
        """Revoke the links and codes that set the account's password. In a unit of work."""
        self.email_actions.revoke(account_id, [Purpose.RESET_PASSWORD])

    def of_other_devices(self, account_id: str, client: ClientInfo, now: datetime) -> int:
        """End the sessions that were opened at another IP address or with another user agent; how many there were."""
        return self.sessions.end_others(account_id, client.ip, client.user_agent, now)
