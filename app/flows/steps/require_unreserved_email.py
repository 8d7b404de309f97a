"""Step: no other account may take an address to which a change of email can still be undone."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.accounts.emails import Address
from app.domain.accounts.store import EmailTaken
from app.domain.email_actions.undos import UndoStore


@dataclass(frozen=True, slots=True)
class RequireUnreservedEmail:
    """Keeps an old address free for its owner while the undo link works.

    Otherwise a thief would move the account away, take the old address for an account of their own, and so make the
    undo link fail.
    """

    undos: UndoStore

    def __call__(self, address: Address, account_id: str, now: datetime) -> None:
        """Raise `EmailTaken` if the undo link of another account leads to this address.

        In a unit of work that has just given the address to `account_id`: the unique index made it wait for the change
        that freed the address, so it sees the undo that was written together with that change.
        """
        if self.undos.is_reserved(address.canonical, account_id, now):
            raise EmailTaken
