"""/api/v1/account/sessions: the devices of whoever is signed in."""

from datetime import datetime
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from app.current import auth
from app.domain.sessions.devices import NoSuchSession
from app.flows.sessions import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.schemas import ResponseBody

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/account/sessions")


class Session(ResponseBody):
    """One device that is signed in."""

    id: str
    name: str = Field(examples=["Firefox on Windows"])
    created_at: datetime
    last_used_at: datetime = Field(description="Exact to the life of one access token")
    ip: str | None = Field(examples=["192.0.2.7"])
    user_agent: str | None
    current: bool = Field(description="Whether it is the one that asks")


class SessionList(ResponseBody):
    """Every device that is signed in, the one used last first."""

    sessions: list[Session]


@blueprint.get("")
@endpoint(gives=SessionList, who=SignedIn())
def list_sessions(identity: Identity) -> object:
    """Where am I signed in."""
    return {"sessions": auth.own_sessions.all(identity)}


@blueprint.delete("/<uuid:session_id>")
@endpoint(who=SignedIn(), status=204, errors=(NoSuchSession,))
def revoke_session(identity: Identity, session_id: UUID) -> None:
    """Sign one device out.

    Its tokens are refused from this answer on. To sign out all others use /auth/logout?scope=others.
    """
    auth.own_sessions.revoke(identity, str(session_id), client_info())
