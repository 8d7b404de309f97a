"""/api/v1/admin: the audit log, the outbox and the signing keys."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import SearchTooBroad
from app.core.pagination import InvalidCursor
from app.current import auth
from app.flows.mail_queue import MessageNotFound, NothingToRetry
from app.flows.steps.identity import Identity
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, Administrator
from app.web.schemas import LARGEST_NUMBER, PageQuery, RequestBody, ResponseBody, RowId

blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin")

MailState = Literal["queued", "sent", "dead", "dropped"]


class AuditQuery(PageQuery):
    """Filters of the audit log."""

    event: str | None = Field(
        None, pattern=r"^[a-z_.]{1,60}$", description="Events of this type, such as email.changed"
    )
    account: UUID | None = Field(None, description="Events about this account")


class AuditEvent(ResponseBody):
    """An event about `account_id`, caused by `actor_id`: an account id, or `operator` for the command line."""

    id: RowId
    at: datetime
    event: str = Field(examples=["account.disabled"])
    result: str = Field(description="`success` or `failure`", examples=["success"])
    account_id: str | None
    actor_id: str | None
    session_id: str | None
    ip: str | None
    user_agent: str | None
    details: dict[str, Any]


class AuditEventPage(ResponseBody):
    """A page of events, newest first. `next` is the cursor of the next page, null on the last one."""

    events: list[AuditEvent]
    next: str | None


class MailQuery(PageQuery):
    """Filters of the outbox."""

    state: MailState | None = None


class EmailMessage(ResponseBody):
    """The delivery state of an email, without its content."""

    id: RowId
    kind: str = Field(examples=["reset_password"])
    state: MailState
    attempts: int
    due_at: datetime
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    account_id: str | None
    address: str | None = Field(description="The email address, partly hidden", examples=["a…@example.com"])
    message_id: str


class EmailMessagePage(ResponseBody):
    """A page of emails, newest first. `next` is the cursor of the next page, null on the last one."""

    messages: list[EmailMessage]
    next: str | None


class SigningKey(ResponseBody):
    """A key that signs or verifies tokens, without its private part."""

    kid: str
    algorithm: str = Field(examples=["ES256"])
    signs_from: datetime
    signs: bool = Field(description="Whether it signs new tokens now")


class SigningKeyList(ResponseBody):
    """All usable keys, in the order in which they start to sign."""

    keys: list[SigningKey]


class RotateKeyRequest(RequestBody):
    """The algorithm of the new key; by default JWT_ALGORITHM."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"algorithm": "EdDSA"}]})

    algorithm: Literal["ES256", "EdDSA", "RS256"] | None = None


class RotatedKey(ResponseBody):
    """The new key and the time from which it signs."""

    kid: str
    signs_from: datetime


@blueprint.get("/audit")
@endpoint(query=AuditQuery, gives=AuditEventPage, who=Administrator(), errors=(InvalidCursor, SearchTooBroad))
def list_audit_events(identity: Identity, query: AuditQuery) -> object:
    """List audit events.

    Newest first, of a type or about an account. Without a filter the list is complete.
    """
    account = str(query.account) if query.account else None
    page = auth.audit_log.page(query.event, account, query.after, query.limit)
    return {"events": page.items, "next": page.next}


@blueprint.get("/mail")
@endpoint(query=MailQuery, gives=EmailMessagePage, who=Administrator(), errors=(InvalidCursor,))
def list_email_messages(identity: Identity, query: MailQuery) -> object:
    """List emails in the outbox.

    Their delivery state, newest first, without their content.
    """
    page = auth.mail_queue.page(query.state, query.after, query.limit)
    return {"messages": page.items, "next": page.next}


@blueprint.post(f"/mail/<int(max={LARGEST_NUMBER}):mail_id>/retry")
@endpoint(who=Administrator(), status=204, errors=(*REAUTHENTICATION_ERRORS, MessageNotFound, NothingToRetry))
def retry_email_message(identity: Identity, mail_id: int) -> None:
    """Retry an email.

    Sends an email now that has failed or is waiting for its next attempt.
    """
    auth.mail_queue.retry(mail_id, identity)


@blueprint.get("/keys")
@endpoint(gives=SigningKeyList, who=Administrator())
def list_signing_keys(identity: Identity) -> object:
    """List signing keys.

    Which keys verify tokens, and which one signs now.
    """
    return {
        "keys": [
            {"kid": key.kid, "algorithm": key.algorithm, "signs_from": key.signs_from, "signs": signs}
            for key, signs in auth.key_rotation.all()
        ]
    }


@blueprint.post("/keys/rotate")
@endpoint(takes=RotateKeyRequest, gives=RotatedKey, status=201, who=Administrator(), errors=(*REAUTHENTICATION_ERRORS,))
def rotate_signing_key(identity: Identity, body: RotateKeyRequest) -> object:
    """Rotate the signing key.

    Publishes a new key that starts to sign in ten minutes. The old key verifies tokens until the last one that it
    signed has expired. To reject all tokens of a leaked key immediately, run `flask keys retire`.
    """
    kid, signs_from = auth.key_rotation.rotate(algorithm=body.algorithm, by=identity)
    return {"kid": kid, "signs_from": signs_from}
