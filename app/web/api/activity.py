"""/api/v1/account/activity: the events of the caller's account."""

from datetime import datetime

from flask import Blueprint
from pydantic import Field

from app.core.pagination import InvalidCursor
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.schemas import PageQuery, ResponseBody

blueprint = Blueprint("activity", __name__, url_prefix="/api/v1/account")


class ActivityEvent(ResponseBody):
    """An event of the account, such as a sign-in or a failed attempt."""

    at: datetime
    event: str = Field(examples=["session.opened"])
    result: str = Field(description="`success` or `failure`", examples=["success"])
    ip: str | None = Field(examples=["192.0.2.7"])
    device: str = Field(examples=["Firefox on Windows"])
    current: bool = Field(description="Whether the event belongs to the session of this request")
    details: dict[str, str | int]


class ActivityPage(ResponseBody):
    """A page of events, newest first. `next` is the cursor of the next page, null on the last one."""

    events: list[ActivityEvent]
    next: str | None


@blueprint.get("/activity")
@endpoint(query=PageQuery, gives=ActivityPage, who=SignedIn(), errors=(InvalidCursor,))
def list_activity(identity: Identity, query: PageQuery) -> object:
    """List account activity.

    Sign-ins, sign-outs, wrong passwords, changes and rejected attempts, newest first.
    """
    page = auth.activity.page(identity, query.limit, query.after)
    return {"events": page.items, "next": page.next}
