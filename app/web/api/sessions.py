"""/api/v1/account/sessions: the sessions of the caller's account."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from app.current import auth
from app.domain.sessions.devices import NoSuchSession
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.schemas import ResponseBody

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/account/sessions")


class Session(ResponseBody):
    """A session: one sign-in on one device."""

    id: str
    name: str = Field(examples=["Firefox on Windows"])
    created_at: datetime
    last_used_at: datetime = Field(description="Time of the last sign-in or refresh")
    ip: str | None = Field(examples=["192.0.2.7"])
    user_agent: str | None
    current: bool = Field(description="Whether this request belongs to the session")


class SessionList(ResponseBody):
    """All sessions of the account, most recently used first."""

    sessions: list[Session]


@blueprint.get("")
@endpoint(gives=SessionList, who=SignedIn())
def list_sessions(identity: Identity) -> object:
    """List sessions.

    Live sessions, the one used last first. `current` marks the session of this request.
    """
    return {"sessions": auth.own_sessions.all(identity)}


@blueprint.delete("/<uuid:session_id>")
@endpoint(who=SignedIn(), status=204, errors=(NoSuchSession,))
def revoke_session(identity: Identity, session_id: UUID) -> None:
    """Revoke a session.

    Its tokens stop working immediately. To revoke all other sessions, call `POST /auth/logout?scope=others`.
    """
    auth.own_sessions.revoke(identity, str(session_id), client_info())
