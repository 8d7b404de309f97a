"""The console in Chromium: from sign-in to disabling a person, and what strangers see."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.journeys.test_in_the_browser import OVERFLOW
from tests.support.api import ANN, PASSWORD, bearer, make_admin, me, sign_up, sql
from tests.support.profile import in_ci

pytestmark = in_one_process
VIEWS = ("", "people", "invitations", "emails", "audit", "keys")
VIOLATIONS = "axe.run().then(({ violations }) => violations.map((one) => [one.id, one.nodes[0].html]))"
CODE = r"\b[A-Z]{4}-[A-Z]{4}\b"
MARKUP = '<img src=x onerror="window.hurt = true">'


@pytest.fixture
def page(chromium: Any, live_server: str, app: Any, client: Any) -> Iterator[Any]:
    """A page of a browser in which no one is signed in; Ada is an administrator."""
    sign_up(client, email="ada@example.com")
    make_admin(app, "ada@example.com")
    context = chromium.new_context(base_url=live_server)
    page = context.new_page()
    page.hurts = []
    page.on("pageerror", lambda error: page.hurts.append(str(error)))
    yield page
    assert page.hurts == []
    context.close()


def sign_in(page: Any, email: str = "ada@example.com") -> None:
    page.goto("/admin")
    page.get_by_label("Your email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin")


def see(page: Any, heading: str) -> None:
    page.get_by_role("heading", name=heading).first.wait_for()


def test_administrator_finds_a_person_and_disables_the_account(page: Any, client: Any, app: Any) -> None:
    bob = sign_up(client, email="bob@example.com")
    sign_in(page)
    see(page, "Overview")
    page.get_by_role("link", name="People").click()
    page.get_by_label("Email address, name or id").fill("bob@")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="bob@example.com").click()
    see(page, "bob@example.com")
    sql(app, "UPDATE sessions SET authenticated_at = '2020-01-01 00:00:00.000000'")
    page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("bob@example.com is signed out everywhere").wait_for()
    dialog.get_by_role("button", name="Disable").click()
    page.get_by_label("Your password").fill("a wrong password")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("alert").filter(has_text="Incorrect password").wait_for()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("The account is disabled.").wait_for()
    page.get_by_role("button", name="Enable").wait_for()
    assert me(client, bob).status_code == 401
    page.go_back()
    page.get_by_role("cell", name="disabled").wait_for()


@in_ci
def test_person_is_invited_and_the_invitation_revoked(page: Any, client: Any) -> None:
    sign_in(page)
    page.goto("/admin#/people")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email address").fill("no address")
    dialog.get_by_label("Email address").fill("eve@example.com")
    dialog.get_by_label("Roles").fill("editor, author")
    dialog.get_by_role("button", name="Send the invitation").click()
    see(page, "eve@example.com")
    page.get_by_text("author, editor").or_(page.get_by_text("editor, author")).wait_for()
    page.get_by_role("link", name="Invitations").click()
    page.get_by_role("button", name="Revoke: eve@example.com").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    page.get_by_text("No invitation is open.").wait_for()


@in_ci
def test_text_of_strangers_is_shown_as_text(page: Any, client: Any) -> None:
    eve = sign_up(client, email="eve@example.com")
    names = {"first_name": MARKUP, "last_name": "</td><script>window.hurt = true</script>"}
    client.patch("/api/v1/account", json=names, headers=bearer(eve["access_token"]))
    client.post("/api/v1/auth/login", json=ANN | {"email": "eve@example.com"}, headers={"User-Agent": MARKUP})
    sign_in(page)
    page.goto("/admin#/people")
    page.get_by_text(MARKUP).wait_for()
    page.get_by_role("link", name="eve@example.com").click()
    see(page, "Sessions")
    page.goto("/admin#/audit")
    page.get_by_text("Show").first.click()
    assert page.evaluate("window.hurt ?? null") is None


def test_ordinary_account_gets_a_page_without_data(page: Any, client: Any) -> None:
    sign_up(client)
    sign_in(page, ANN["email"])
    see(page, "This account is not an administrator")
    assert "ada@example.com" not in page.content()
    assert page.get_by_role("navigation").count() == 0


@in_ci
def test_failed_emails_are_sent_again(page: Any) -> None:
    sign_in(page)
    page.goto("/admin#/emails")
    see(page, "Emails")
    page.get_by_role("button", name="Send all failed again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    page.get_by_text("Emails that are sent again: 0.").wait_for()


@in_ci
def test_key_is_rotated(page: Any) -> None:
    sign_in(page)
    page.goto("/admin#/keys")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_label("Algorithm").select_option("EdDSA")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    page.get_by_role("cell", name="EdDSA").wait_for()


@in_ci
def test_views_have_no_violation_of_accessibility_and_fit_a_phone(page: Any, client: Any, axe: str) -> None:
    bob = sign_up(client, email="bob@example.com")
    sign_in(page)
    for view in (*VIEWS, f"people/{me(client, bob).json['id']}"):
        for width, scheme in ((1280, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.goto("about:blank")
            page.goto(f"/admin#/{view}")
            page.locator("main h1").wait_for()
            assert page.evaluate(OVERFLOW) == 0, view
            page.evaluate(axe)
            assert page.evaluate(VIOLATIONS) == [], view


@in_ci
def test_link_to_a_person_survives_the_sign_in(page: Any, client: Any) -> None:
    bob = me(client, sign_up(client, email="bob@example.com")).json["id"]
    page.goto(f"/admin#/people/{bob}")
    page.get_by_label("Your email address").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    see(page, "bob@example.com")


@in_ci
def test_administrator_without_a_password_confirms_by_email(page: Any, app: Any, mailbox: Any) -> None:
    sign_in(page)
    sql(app, "UPDATE accounts SET password_hash = NULL, email_verified_at = created_at")
    sql(app, "UPDATE sessions SET authenticated_at = '2020-01-01 00:00:00.000000'")
    page.goto("/admin#/keys")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    field = page.get_by_label("Code from the email to ada@example.com")
    field.wait_for()
    # After the email that confirms the address and the notice of a new device
    [message] = [one for one in mailbox.wait_for(3) if re.search(CODE, one.text) and "sign in" in one.subject]
    field.fill(re.search(CODE, message.text)[0])  # type: ignore[index]
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("A new key was made.").wait_for()
