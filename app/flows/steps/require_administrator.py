"""Step: require an administrator, and name the actor for the journal."""

from dataclasses import dataclass
from typing import TypedDict

from app.core.client_info import ClientInfo
from app.core.errors import Forbidden
from app.domain.accounts.roles import ADMIN
from app.domain.audit.journal import OPERATOR
from app.flows.steps.identity import Identity
from app.flows.steps.require_recent_auth import RequireRecentAuth

# Somebody signed in; or None for an operator at a shell of the machine, who could change the tables anyway.
Administrator = Identity | None


class Actor(TypedDict):
    """Who did it, for the journal. Not from which network address: the event belongs to another person, who may take
    it along. Where the session was opened is in an event of the administrator's own.
    """

    actor_id: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class RequireAdministrator:
    """Requires the administrator role and recent authentication."""

    require_recent_auth: RequireRecentAuth

    def __call__(self, by: Administrator) -> Actor:
        """The actor for the audit log. Raises `Forbidden` or `ReauthenticationRequired`."""
        if by is None:
            return Actor(actor_id=OPERATOR, session_id=None)
        if ADMIN not in by.owner.roles:
            raise Forbidden
        self.require_recent_auth(by, None, ClientInfo())
        return Actor(actor_id=by.owner.id, session_id=by.session.id or None)
