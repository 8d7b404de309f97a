"""/api/v1/account/activity: what happened to the account of whoever is signed in."""

from datetime import datetime

from flask import Blueprint
from pydantic import Field

from app.core.pagination import InvalidCursor
from app.current import auth
from app.flows.sessions import Identity
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.schemas import PageQuery, ResponseBody

blueprint = Blueprint("activity", __name__, url_prefix="/api/v1/account")


class ActivityEvent(ResponseBody):
    """Something that happened to the account, or that was tried."""

    at: datetime
    event: str = Field(examples=["session.opened"])
    result: str = Field(description="ok, or refused", examples=["ok"])
    ip: str | None = Field(examples=["192.0.2.7"])
    device: str = Field(examples=["Firefox on Windows"])
    current: bool = Field(description="Whether it was in the session that asks")
    details: dict[str, str | int]


class ActivityPage(ResponseBody):
    """Some events, the newest first; `next` is the cursor of the rest, null at the end."""

    events: list[ActivityEvent]
    next: str | None


@blueprint.get("/activity")
@endpoint(query=PageQuery, gives=ActivityPage, who=SignedIn(), errors=(InvalidCursor,))
def list_activity(identity: Identity, query: PageQuery) -> object:
    """What happened to my account.

    Signing in and out, wrong passwords, changes, and what was refused; the newest first.
    """
    page = auth.activity.page(identity, query.limit, query.after)
    return {"events": page.items, "next": page.next}
