"""The page of an invitation in Chromium: a passkey or a password."""

from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.journeys.test_in_the_browser import OVERFLOW, visit
from tests.journeys.test_passkeys_in_the_browser import VirtualAuthenticator
from tests.support.api import PASSWORD, log_in, sql
from tests.support.person import Person
from tests.test_docs import ROOT, fenced, section

EVE = "eve@example.com"


@pytest.fixture
def invitation(app: Any, auth: Any, mailbox: Any, live_server: str) -> str:
    """The address of the page with the token of an invitation to Eve."""
    auth.admin_accounts.invite(None, EVE)
    token = Person(app.test_client(), auth, mailbox, EVE).link("You have an account", "reset-password")
    return f"/reset-password#token={token}"


@in_one_process
def test_invited_person_creates_a_passkey(app: Any, chromium: Any, live_server: str, invitation: str) -> None:
    with visit(chromium, live_server, viewport={"width": 320, "height": 640}) as (page, asked):
        authenticator = VirtualAuthenticator(page)
        page.goto(invitation)
        page.get_by_role("heading", name="Choose how to sign in").wait_for()
        assert page.evaluate(OVERFLOW) <= 0
        page.get_by_role("button", name="Create a passkey").click()
        page.get_by_role("heading", name="Your passkey has been created").wait_for()
        (stored,) = authenticator.credentials()
        assert stored["isResidentCredential"] is True
        assert page.get_by_role("button", name="Set password").is_hidden()
        assert any(url.endswith("/api/v1/auth/logout") for url in asked)
    found = "SELECT count(*) FROM accounts WHERE invited_at IS NULL AND email_verified_at IS NOT NULL"
    assert sql(app, found) == [(1,)]
    assert sql(app, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == [(0,)]


@in_one_process
def test_code_of_the_documentation_answers_an_invitation(chromium: Any, live_server: str, invitation: str) -> None:
    (code,) = fenced(section(ROOT / "docs/passkeys.md", "## Answering an invitation"), "js")
    with visit(chromium, live_server) as (page, _):
        authenticator = VirtualAuthenticator(page)
        page.goto("/reset-password")
        token = invitation.partition("#token=")[2]
        tokens = page.evaluate(f"async (token) => {{ {code} return tokens; }}", token)
        assert tokens["token_type"] == "Bearer"
        assert len(authenticator.credentials()) == 1


@in_one_process
def test_person_whose_passkey_fails_sets_a_password(
    chromium: Any, live_server: str, client: Any, invitation: str
) -> None:
    with visit(chromium, live_server) as (page, _):
        authenticator = VirtualAuthenticator(page)
        authenticator.send("setUserVerified", isUserVerified=False)
        page.goto(invitation)
        page.get_by_role("button", name="Create a passkey").click()
        page.get_by_text("No passkey was created. Try again, or choose a password.").wait_for()
        page.get_by_label("New password").fill("short")
        page.get_by_label("New password").evaluate("field => field.removeAttribute('minlength')")
        page.get_by_role("button", name="Set password").click()
        page.get_by_text("A password needs at least 8 characters").wait_for()
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Set password").click()
        page.get_by_role("heading", name="Your password has been set").wait_for()
    assert log_in(client, email=EVE).status_code == 200


@in_one_process
def test_reset_page_of_an_account_in_use_offers_no_passkey(
    app: Any, auth: Any, mailbox: Any, chromium: Any, live_server: str
) -> None:
    ann = Person(app.test_client(), auth, mailbox, "ann@example.com")
    ann.sign_up()
    ann.send("forgot-password", email=ann.email)
    token = ann.link("Choose a new password", "reset-password")
    with visit(chromium, live_server) as (page, _):
        page.goto(f"/reset-password#token={token}")
        page.get_by_role("heading", name="Choose a new password").wait_for()
        assert page.get_by_role("button", name="Create a passkey").count() == 0
