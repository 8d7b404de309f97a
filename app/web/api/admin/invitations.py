"""/api/v1/admin: open invitations."""

from uuid import UUID

from flask import Blueprint

from app.core.errors import RateLimited
from app.core.pagination import InvalidCursor
from app.current import auth
from app.domain.accounts.invitations import InvitationAnswered
from app.domain.accounts.store import AccountDisabled, NoSuchAccount
from app.flows.steps.identity import Identity
from app.flows.steps.require_open_sign_up import InvitationsClosed
from app.web.api.admin.users import User
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, Administrator
from app.web.limits import Limit
from app.web.schemas import PageQuery, ResponseBody

blueprint = Blueprint("admin_invitations", __name__, url_prefix="/api/v1/admin")


class InvitationPage(ResponseBody):
    """Accounts with an open invitation, the newest first. `next` is the cursor of the next page, null on the last."""

    invitations: list[User]
    next: str | None


@blueprint.get("/invitations")
@endpoint(query=PageQuery, gives=InvitationPage, who=Administrator(), errors=(InvalidCursor,))
def list_invitations(identity: Identity, query: PageQuery) -> object:
    """List open invitations.

    An invitation is open until its account has a password, a passkey or a session, also after its link has expired.
    """
    page = auth.open_invitations.page(query.after, query.limit)
    return {"invitations": page.items, "next": page.next}


@blueprint.post("/users/<uuid:user_id>/invitation")
@endpoint(
    who=Administrator(),
    status=204,
    limit=Limit("admin_emails"),
    errors=(
        *REAUTHENTICATION_ERRORS,
        NoSuchAccount,
        InvitationAnswered,
        AccountDisabled,
        InvitationsClosed,
        RateLimited,
    ),
)
def send_invitation_again(identity: Identity, user_id: UUID) -> None:
    """Send an invitation again.

    The email has a new link. The earlier one stops working.
    """
    auth.open_invitations.send_again(identity, str(user_id))


@blueprint.delete("/users/<uuid:user_id>/invitation")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchAccount, InvitationAnswered))
def revoke_invitation(identity: Identity, user_id: UUID) -> None:
    """Revoke an invitation.

    Deletes the account, which was never used, so that its link no longer works. Of an answer and a revocation at the
    same moment exactly one succeeds.
    """
    auth.open_invitations.revoke(identity, str(user_id))
