"""Account deletion with a grace period."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.flows.steps.identity import Identity
from app.flows.steps.require_administrator import Actor
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.schedule_deletion import ScheduleDeletion


@dataclass(frozen=True, slots=True)
class AccountDeletion:
    """Lets an owner delete their account. Signing in within the grace takes it back."""

    clock: Clock
    require_recent_auth: RequireRecentAuth
    schedule_deletion: ScheduleDeletion

    def request(self, identity: Identity, password: str | None, client: ClientInfo) -> None:
        """End every session now, and delete the account when the grace period is over.

        Raises `ReauthenticationRequired` unless the session authenticated recently or the password is given, and
        `LastAdmin` for the last administrator.
        """
        self.require_recent_auth(identity, password, client)
        account = identity.owner
        actor = Actor(actor_id=account.id, session_id=None)
        self.schedule_deletion(account, self.clock.now(), client, actor, by_owner=True)
