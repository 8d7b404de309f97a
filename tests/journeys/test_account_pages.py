"""The account pages in Chromium: passkeys, a keyboard alone, no scripts, accessibility, phones."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.journeys.test_console import VIOLATIONS
from tests.journeys.test_in_the_browser import OVERFLOW
from tests.journeys.test_passkeys_in_the_browser import VirtualAuthenticator
from tests.support.api import ANN, PASSWORD, sql
from tests.support.profile import in_ci

pytestmark = in_one_process
PAGES = (
    "/sign-up", "/sign-in", "/reset-password/request", "/reset-password/code", "/account", "/account/email",
    "/account/email/code", "/account/password", "/account/passkeys", "/account/second-factor", "/account/devices",
    "/account/identities", "/account/activity", "/account/data", "/account/confirm",
)  # fmt: skip


@pytest.fixture
def context(chromium: Any, live_server: str, request: Any) -> Iterator[Any]:
    context = chromium.new_context(base_url=live_server, **getattr(request, "param", {}))
    yield context
    context.close()


@pytest.fixture
def page(context: Any) -> Any:
    """A page of somebody who has signed up."""
    page = context.new_page()
    page.goto("/sign-up")
    page.get_by_label("Your email address").fill(ANN["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create an account").click()
    page.get_by_text("You are signed in").first.wait_for()
    return page


def test_passkey_is_added_and_confirms_who_is_there(page: Any, app: Any) -> None:
    VirtualAuthenticator(page)
    page.goto("/account/passkeys")
    page.get_by_text("You have no passkeys yet.").wait_for()
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("The passkey has been added.").wait_for()
    sql(app, "UPDATE sessions SET authenticated_at = '2020-01-01 00:00:00.000000'")
    page.goto("/account/password")
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Change your password").wait_for()


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_account_is_managed_without_scripts(page: Any) -> None:
    page.goto("/account")
    page.get_by_label("First name").fill("Ann")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("button", name="Add an authenticator app").click()
    page.get_by_alt_text("QR code for the authenticator app").wait_for()
    page.get_by_role("link", name="Your data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "account.json"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_keyboard_alone_signs_in_and_changes_the_name(context: Any, page: Any) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.goto("/sign-in?redirect_to=/account")
    page.keyboard.type(ANN["email"])  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    page.get_by_label("First name").focus()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()


@in_ci
def test_pages_have_no_violation_of_accessibility_and_fit_a_phone(page: Any, axe: str) -> None:
    for path in PAGES:
        for width, scheme in ((1280, "light"), (390, "dark"), (320, "light")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            for language in ("en", "de"):
                page.goto(f"{path}?lang={language}")
                assert page.evaluate(OVERFLOW) == 0, (path, width, language)
            page.evaluate(axe)
            assert page.evaluate(VIOLATIONS) == [], (path, width)
