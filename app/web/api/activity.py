"""/api/v1/account/activity: what happened to the account of whoever is signed in."""

from datetime import datetime
from typing import Annotated

from flask import Blueprint
from pydantic import Field

from app.auth import Identity
from app.web.door import auth
from app.web.endpoint import endpoint
from app.web.guards import SignedIn
from app.web.wire import Answer, Body

blueprint = Blueprint("activity", __name__, url_prefix="/api/v1/account")

Cursor = Annotated[str, Field(pattern=r"^[0-9]{1,18}$", examples=["1042"])]


class PageQuery(Body):
    """Which events, and how many."""

    limit: int = Field(20, ge=1, le=100)
    before: Cursor | None = Field(None, description="`next` of the page before; what is inside is our business")


class Event(Answer):
    """Something that happened to the account, or that was tried."""

    at: datetime
    event: str = Field(examples=["session.opened"])
    result: str = Field(description="ok, or refused", examples=["ok"])
    ip: str | None = Field(examples=["192.0.2.7"])
    device: str = Field(examples=["Firefox on Windows"])
    current: bool = Field(description="Whether it was in the session that asks")
    details: dict[str, str | int]


class EventList(Answer):
    """Some events, the newest first."""

    events: list[Event]
    next: str | None = Field(description="Send it as `before` for the older ones; null when there are none")


@blueprint.get("/activity")
@endpoint(query=PageQuery, gives=EventList, who=SignedIn())
def list_activity(identity: Identity, query: PageQuery) -> object:
    """What happened to my account.

    Signing in and out, wrong passwords, changes, and what was refused; the newest first.
    """
    return auth.activity.page(identity, query.limit, query.before)
