"""Deletion: an owner's leave, with some days to think again, and then gone everywhere."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot
from app.domain.sessions.model import OwnedSession
from app.flows.steps.require_administrator import Actor
from app.flows.steps.require_recent_auth import RequireFresh
from app.flows.steps.schedule_deletion import DeleteAccount


@dataclass(frozen=True, slots=True)
class Deletion:
    """Lets an owner delete their account. Signing in within the grace takes it back."""

    clock: Clock
    require_fresh: RequireFresh
    delete_account: DeleteAccount

    def request(self, identity: OwnedSession[AccountSnapshot], password: str, origin: ClientInfo) -> None:
        """End every session now and the account when the grace is over. The password is needed, however fresh.

        `LastAdmin` if nobody would administer.
        """
        self.require_fresh(identity, password, origin)
        account = identity.owner
        self.delete_account(account, self.clock.now(), origin, Actor(actor_id=account.id, session_id=None))
