"""/api/v1/admin/users/{id}/sessions: the sessions of an account."""

from uuid import UUID

from flask import Blueprint

from app.current import auth
from app.domain.accounts.store import NoSuchAccount
from app.domain.sessions.devices import NoSuchSession
from app.flows.steps.identity import Identity
from app.web.api.sessions import SessionList
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, Administrator

blueprint = Blueprint("admin_sessions", __name__, url_prefix="/api/v1/admin/users/<uuid:user_id>/sessions")


@blueprint.get("")
@endpoint(gives=SessionList, who=Administrator(), errors=(NoSuchAccount,))
def list_user_sessions(identity: Identity, user_id: UUID) -> object:
    """List the sessions of an account.

    Live sessions, the one used last first.
    """
    return {"sessions": auth.admin_sessions.all(identity, str(user_id))}


@blueprint.delete("")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount))
def revoke_user_sessions(identity: Identity, user_id: UUID) -> None:
    """Revoke all sessions of an account.

    Their tokens stop working immediately.
    """
    auth.admin_sessions.end_all(identity, str(user_id))


@blueprint.delete("/<uuid:session_id>")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchSession))
def revoke_user_session(identity: Identity, user_id: UUID, session_id: UUID) -> None:
    """Revoke a session of an account.

    Its tokens stop working immediately.
    """
    auth.admin_sessions.end(identity, str(user_id), str(session_id))
