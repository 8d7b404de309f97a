"""/api/v1/admin/figures: how many accounts and sessions there are, and what the last days brought."""

from datetime import date, datetime

from flask import Blueprint
from pydantic import Field

from app.current import auth
from app.flows.steps.identity import Identity
from app.web.endpoint import endpoint
from app.web.guards import Administrator
from app.web.schemas import ResponseBody

blueprint = Blueprint("admin_figures", __name__, url_prefix="/api/v1/admin")


class DayFigures(ResponseBody):
    """What happened on one day (UTC)."""

    date: date
    sign_ups: int = Field(examples=[3])
    sign_ins: int = Field(description="Sessions that were opened, by sign-up too", examples=[41])
    failed_sign_ins: int = Field(description="Wrong passwords, second factors and passkeys", examples=[2])


class KeyFigures(ResponseBody):
    """Key figures, at most 15 seconds old."""

    accounts: int = Field(description="At most 100,000 are counted", examples=[1204])
    sessions: int = Field(description="Live sessions; at most 100,000 are counted", examples=[388])
    emails_queued: int = Field(examples=[0])
    emails_dead: int = Field(description="Emails that are not tried again by themselves", examples=[0])
    mail_failing: bool = Field(description="Whether the mail server refuses or does not respond")
    days: list[DayFigures] = Field(description="The last 14 days, the oldest first")
    complete_since: datetime | None = Field(description="Of the newest 20,000 events; days before it are not complete")


@blueprint.get("/figures")
@endpoint(gives=KeyFigures, who=Administrator())
def get_key_figures(identity: Identity) -> object:
    """Get key figures.

    Accounts, sessions and emails, and the sign-ups and sign-ins of the last 14 days.
    """
    return auth.key_figures.read()
