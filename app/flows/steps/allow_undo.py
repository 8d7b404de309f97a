"""Step: let the owner of an old email address undo a change for a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import Address
from app.domain.accounts.model import AccountSnapshot
from app.domain.email_actions.store import UNDO_TIME
from app.domain.email_actions.undos import UndoStore
from app.domain.mail.retry_policy import MAX_AGE
from app.flows.steps.notify import Email, Notify

# The old address is reserved from the change on, and the undo works for UNDO_TIME from when its email is sent: at the
# latest, MAX_AGE after the change.
RESERVED: Final = MAX_AGE + UNDO_TIME


@dataclass(frozen=True, slots=True)
class AllowUndo:
    """Creates the undo of a change of address, reserves the old address, and queues the email with the link."""

    undos: UndoStore
    notify: Notify

    def __call__(self, account: AccountSnapshot, address: Address, client: ClientInfo, now: datetime) -> None:
        """In the unit of work that replaces the address of `account`, a snapshot from before, by `address`.

        A change to an address that an undo leads to is that undo, by the same owner: the changes after it may be a
        thief's, and the owners of their addresses get no undo, which would outlast the owner's.
        """
        version = self.undos.earliest_to(account.id, address.canonical, now)
        if version is not None:
            self.undos.revoke_after(account.id, version)
            return
        replaced = account.credentials_version
        self.undos.create(account.id, replaced, account.email, account.email_canonical, now + RESERVED)
        self.notify(
            Email.EMAIL_CHANGED,
            account.email,
            client,
            now,
            account_id=account.id,
            new_email=address.typed,
            replaced_version=replaced,
        )
