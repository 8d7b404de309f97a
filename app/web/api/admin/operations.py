"""/api/v1/admin: the journal, the outbox and the signing keys."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.pagination import InvalidCursor
from app.current import auth
from app.flows.mail_queue import MessageNotFound, NothingToRetry
from app.flows.sessions import Identity
from app.flows.steps.check_password import ReauthenticationRequired
from app.web.endpoint import endpoint
from app.web.guards import Administrator
from app.web.schemas import LARGEST_NUMBER, PageQuery, RequestBody, ResponseBody, RowId

blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")

MailState = Literal["queued", "sent", "dead", "dropped"]


class AuditQuery(PageQuery):
    """Which events."""

    event: str | None = Field(
        None, pattern=r"^[a-z_.]{1,60}$", description="Events of this kind, such as email.changed"
    )
    account: UUID | None = Field(None, description="Events about this account")


class AuditEvent(ResponseBody):
    """Something that happened. `account_id` is to whom, `actor_id` through whom: an account, or `operator`."""

    id: RowId
    at: datetime
    event: str = Field(examples=["account.disabled"])
    result: str = Field(description="ok, or refused", examples=["ok"])
    account_id: str | None
    actor_id: str | None
    session_id: str | None
    ip: str | None
    user_agent: str | None
    details: dict[str, Any]


class AuditEventPage(ResponseBody):
    """Some events, the newest first; `next` is the cursor of the rest, null at the end."""

    events: list[AuditEvent]
    next: str | None


class MailQuery(PageQuery):
    """Which emails."""

    state: MailState | None = None


class EmailMessage(ResponseBody):
    """An email: what became of it, never what it says."""

    id: RowId
    kind: str = Field(examples=["reset_password"])
    state: MailState
    attempts: int
    due_at: datetime
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    account_id: str | None
    address: str | None = Field(description="Enough of it to recognise one's own", examples=["a…@example.com"])
    message_id: str


class EmailMessagePage(ResponseBody):
    """Some emails, the newest first; `next` is the cursor of the rest, null at the end."""

    messages: list[EmailMessage]
    next: str | None


class SigningKey(ResponseBody):
    """A key that tokens are signed or checked with. Its private half is shown to nobody."""

    kid: str
    algorithm: str = Field(examples=["ES256"])
    signs_from: datetime
    signs: bool = Field(description="Whether it is the one that signs now")


class SigningKeyList(ResponseBody):
    """Every usable key, in the order in which they sign."""

    keys: list[SigningKey]


class RotateKeyRequest(RequestBody):
    """The kind of the next key, if it is to be another than JWT_ALGORITHM says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"algorithm": "EdDSA"}]})

    algorithm: Literal["ES256", "EdDSA", "RS256"] | None = None


class RotatedKey(ResponseBody):
    """The key that signs from a moment on."""

    kid: str
    signs_from: datetime


@blueprint.get("/audit")
@endpoint(query=AuditQuery, gives=AuditEventPage, who=Administrator(), errors=(InvalidCursor,))
def list_audit_events(identity: Identity, query: AuditQuery) -> object:
    """What happened, the newest first."""
    account = str(query.account) if query.account else None
    page = auth.audit_log.page(query.event, account, query.after, query.limit)
    return {"events": page.items, "next": page.next}


@blueprint.get("/mail")
@endpoint(query=MailQuery, gives=EmailMessagePage, who=Administrator(), errors=(InvalidCursor,))
def list_messages(identity: Identity, query: MailQuery) -> object:
    """The emails that we owe or owed, the newest first."""
    page = auth.mail_queue.page(query.state, query.after, query.limit)
    return {"messages": page.items, "next": page.next}


@blueprint.post(f"/mail/<int(max={LARGEST_NUMBER}):mail_id>/retry")
@endpoint(who=Administrator(), status=204, errors=(ReauthenticationRequired, MessageNotFound, NothingToRetry))
def retry_message(identity: Identity, mail_id: int) -> None:
    """Try an email again now that was given up, or waits for a later attempt."""
    auth.mail_queue.retry(mail_id, identity)


@blueprint.get("/keys")
@endpoint(gives=SigningKeyList, who=Administrator())
def list_signing_keys(identity: Identity) -> object:
    """The signing keys, by name."""
    return {
        "keys": [
            {"kid": key.kid, "algorithm": key.algorithm, "signs_from": key.signs_from, "signs": signs}
            for key, signs in auth.key_rotation.all()
        ]
    }


@blueprint.post("/keys/rotate")
@endpoint(takes=RotateKeyRequest, gives=RotatedKey, status=201, who=Administrator(), errors=(ReauthenticationRequired,))
def rotate_signing_key(identity: Identity, body: RotateKeyRequest) -> object:
    """Publish a key that signs in ten minutes.

    The old one checks until its last token is dead. A key that leaked is retired from a shell: `flask keys retire`.
    """
    kid, signs_from = auth.key_rotation.rotate(algorithm=body.algorithm, by=identity)
    return {"kid": kid, "signs_from": signs_from}
