"""The Python client against the running service."""

import base64
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from latchkey_client import (
    AccessToken,
    Admin,
    Client,
    InsufficientScope,
    InvalidToken,
    KeysUnavailable,
    LatchkeyError,
    MissingToken,
    StepUpRequired,
    TokenVerifier,
    WebhookInvalid,
    verify_webhook,
)

from tests.conftest import package
from tests.support.api import ANN, NEW, PASSWORD, make_admin, sign_up, sql

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def ann(live_server: str) -> Client:
    client = Client(live_server)
    client.sign_up(ANN["email"], PASSWORD)
    return client


@pytest.fixture
def admin(live_server: str, app: Any, client: Any) -> Admin:
    sign_up(client, email="ada@example.com")
    make_admin(app, "ada@example.com")
    admin = Admin(live_server)
    admin.sign_in("ada@example.com", PASSWORD)
    return admin


def test_client_signs_in_refreshes_and_signs_out(ann: Client, live_server: str) -> None:
    assert ann.account()["email"] == ANN["email"]
    before = ann.tokens
    assert before is not None
    ann.tokens = type(before)("not a token", before.refresh_token, before.ends_at)
    assert ann.account()["email"] == ANN["email"]  # a refused token is refreshed
    ann.tokens = type(before)(ann.tokens.access_token, ann.tokens.refresh_token, 0)
    assert ann.account()["email"] == ANN["email"]  # an old one too
    ann.sign_out()
    assert ann.tokens is None
    with pytest.raises(LatchkeyError) as refused:
        ann.account()
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    assert Client(live_server).sign_in(ANN["email"], PASSWORD)["token_type"] == "Bearer"


def test_ended_session_forgets_the_tokens(ann: Client, app: Any) -> None:
    sql(app, "UPDATE sessions SET revoked_at = created_at")
    with pytest.raises(LatchkeyError):
        ann.account()
    assert ann.tokens is None


def test_threads_share_one_refresh(ann: Client, app: Any) -> None:
    assert ann.tokens is not None
    ann.tokens = type(ann.tokens)(ann.tokens.access_token, ann.tokens.refresh_token, 0)
    threads = [threading.Thread(target=ann.account) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sql(app, "SELECT generation FROM sessions") == [(1,)]


def test_errors_name_code_and_field(ann: Client) -> None:
    with pytest.raises(LatchkeyError) as refused:
        ann.call("PUT", "/account/password", {"password": "x"})
    assert (refused.value.code, refused.value.errors[0]["field"]) == ("password_too_short", "password")
    assert refused.value.request_id


def test_administrator_looks_after_an_account(admin: Admin, app: Any, client: Any) -> None:
    for number in range(105):
        sql(app, INSERT, id=f"{number:036}", email=f"p{number}@example.com", at="2026-01-01 00:00:00.000000")
    assert len(list(admin.users())) == 106
    assert [user["email"] for user in admin.users(search="p104@example.com")] == ["p104@example.com"]
    eve = admin.invite("eve@example.com", first_name="Eve", roles=["editor"])
    assert [user["email"] for user in admin.invitations()] == ["eve@example.com"]
    admin.set_roles(eve["id"], ["author"])
    admin.set_claims(eve["id"], {"plan": "pro"})
    admin.update(eve["id"], last_name="Lee")
    found = admin.user(eve["id"])
    assert (found["roles"], found["claims"], found["last_name"]) == (["author"], {"plan": "pro"}, "Lee")
    admin.disable(eve["id"])
    assert admin.user(eve["id"])["state"] == "disabled"
    admin.enable(eve["id"])
    assert admin.sessions(eve["id"]) == []
    admin.end_sessions(eve["id"])
    admin.delete(eve["id"])
    events = [event["event"] for event in admin.audit(account=eve["id"])]
    assert events[0] == "account.deletion_scheduled"
    assert next(admin.emails())["kind"]


INSERT = """
INSERT INTO accounts (id, email, email_canonical, roles, password_hash, credentials_version, created_at, updated_at)
VALUES (:id, :email, :email, '', '', 0, :at, :at)
"""


def test_token_of_the_service_is_verified(ann: Client, live_server: str) -> None:
    assert ann.tokens is not None
    verifier = TokenVerifier(live_server)
    token = verifier.verify_header(f"Bearer {ann.tokens.access_token}")
    assert token.account_id == ann.account()["id"]
    assert (token.roles, token.permissions) == ([], [])
    assert token.require_authentication(acr="aal1", max_age=60) is token


def test_other_tokens_are_refused(ann: Client, live_server: str) -> None:
    assert ann.tokens is not None
    access = ann.tokens.access_token
    verifier = TokenVerifier(live_server)
    head, body, signature = access.split(".")
    for wrong in ("", "x", ann.tokens.refresh_token, f"{head}.{body}.{signature[:-6]}AAAAAA", f"{head}.{body}."):
        with pytest.raises(InvalidToken) as refused:
            verifier.verify(wrong)
        assert refused.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    for header in (None, "", "Basic x", "Bearer", "Bearer "):
        with pytest.raises(MissingToken) as missing:
            verifier.verify_header(header)
        assert missing.value.headers == {"WWW-Authenticate": "Bearer"}
    with pytest.raises(InvalidToken):
        TokenVerifier(live_server, audience="others").verify(access)


def test_new_key_is_found_and_unknown_ones_cost_one_request(ann: Client, live_server: str, auth: Any) -> None:
    assert ann.tokens is not None
    verifier, asked = TokenVerifier(live_server, cooldown=60), []
    get = verifier._get
    verifier._get = lambda url: asked.append(url) or get(url)  # type: ignore[func-returns-value, method-assign]
    verifier.verify(ann.tokens.access_token)
    forged = ann.tokens.access_token.split(".")
    forged[0] = base64.urlsafe_b64encode(b'{"alg":"ES256","typ":"at+jwt","kid":"forged"}').decode().rstrip("=")
    for _ in range(20):
        with pytest.raises(InvalidToken):
            verifier.verify(".".join(forged))
    assert len(asked) == 2


def test_known_keys_work_while_the_service_is_down(ann: Client, live_server: str) -> None:
    assert ann.tokens is not None
    verifier = TokenVerifier(live_server, lifespan=0, cooldown=0)
    verifier.verify(ann.tokens.access_token)
    verifier._metadata = unreachable  # type: ignore[method-assign]
    assert verifier.verify(ann.tokens.access_token).account_id
    fresh = TokenVerifier("http://localhost:9")
    with pytest.raises(KeysUnavailable) as refused:
        fresh.verify(ann.tokens.access_token)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})


def unreachable() -> Any:
    raise OSError("unreachable")


def test_permission_and_authentication_are_asked_for() -> None:
    token = AccessToken({"sub": "a", "acr": "aal1", "auth_time": time.time() - 100, "permissions": ["read"]})
    assert token.require("read") is token
    with pytest.raises(InsufficientScope) as lacking:
        token.require("read", "write")
    assert lacking.value.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="write"'
    for asked in ({"acr": "aal2"}, {"max_age": 60}):
        with pytest.raises(StepUpRequired) as weak:
            token.require_authentication(**asked)  # type: ignore[arg-type]
        assert "insufficient_user_authentication" in weak.value.headers["WWW-Authenticate"]


def test_webhook_of_the_reference_library_is_verified() -> None:
    sent_at, body = datetime.now(UTC), b'{"type": "account.created"}'
    signature = package("standardwebhooks").Webhook(SECRET).sign("msg_1", sent_at, body.decode())
    headers = {
        "Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(sent_at.timestamp())),
        "Webhook-Signature": f"v1,AAAA {signature}",
    }  # fmt: skip
    assert verify_webhook(body, headers, SECRET) == "msg_1"
    old = headers | {"Webhook-Timestamp": str(int(time.time()) - 400)}
    unsigned, another = headers | {"Webhook-Signature": "v1,AAAA"}, headers | {"Webhook-Id": "msg_2"}
    changed = ((body + b" ", headers), (body, another), (body, unsigned), (body, old), (body, {}))
    for payload, given in changed:
        with pytest.raises(WebhookInvalid):
            verify_webhook(payload, given, SECRET)
    with pytest.raises(WebhookInvalid):
        verify_webhook(body, headers, "whsec_" + base64.b64encode(NEW.encode()).decode())
