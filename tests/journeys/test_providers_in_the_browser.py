"""The browser code of docs/providers.md, exactly as it stands there, in Chromium with real and lying providers."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from config import new_signing_key
from tests.journeys.conftest import in_one_process
from tests.support.certified_provider import CertifiedProvider, certified_provider
from tests.support.lying_provider import LyingProvider
from tests.test_docs import BASE, ROOT, fenced, section

PAGE = ROOT / "docs/providers.md"
REDIRECT_TO = "http://localhost:3000/signed-in"

pytestmark = in_one_process  # a callback may reach any process: tests/races/test_writing_routes.py


@pytest.fixture(scope="module")
def certified(listener: Any) -> Iterator[CertifiedProvider]:
    callback = f"http://localhost:{listener.getsockname()[1]}/api/v1/auth/providers/certified/callback"
    with certified_provider(callback, os.environ) as provider:
        yield provider


@pytest.fixture
def settings(settings: Any, app_server: Any, certified: CertifiedProvider, lying: LyingProvider) -> Any:
    # Browsers take localhost and 127.0.0.1 for two sites, as Apple's and ours are.
    port = lying.url.rpartition(":")[2]
    lying.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    apple = replace(
        lying.settings("apple", id="apple", name="Apple", scopes=("name", "email")),
        client_secret="", team_id="TEAM", key_id="KEY", private_key=new_signing_key(),
    )  # fmt: skip
    lying.metadata["authorization_endpoint"] = f"http://127.0.0.1:{port}/authorization"
    app = f"http://localhost:{app_server.port}"
    changes = {"providers": [certified.settings(), apple], "redirect_urls": [f"{app}/signed-in"], "cors_origins": [app]}
    return settings.model_copy(update=changes)


@pytest.fixture
def page(chromium: Any, live_server: str, app_server: Any) -> Iterator[Any]:
    """A page of an app on another origin that has the functions of the documentation."""
    (code,) = fenced(section(PAGE, "## In the browser"), "js")
    assert (code.count(BASE), code.count(REDIRECT_TO)) == (1, 1)
    app = f"http://localhost:{app_server.port}"
    ours = code.replace(BASE, live_server).replace(REDIRECT_TO, f"{app}/signed-in")
    app_server.app.script = ours + "Object.assign(window, { startSignIn, finishSignIn, ready: true });"
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{app}/")
    page.wait_for_function("window.ready")
    yield page
    context.close()


def start(page: Any, provider: str) -> None:
    page.evaluate("(provider) => { startSignIn(provider); }", provider)


def finish(page: Any) -> Any:
    """What the app gets at the end, or the message of its error."""
    page.wait_for_url("**/signed-in?*")
    page.wait_for_function("window.ready")
    return page.evaluate("finishSignIn().catch((error) => error.message ?? error)")


def sign_in_there(page: Any, name: str) -> None:
    """Log in at the certified provider, and consent."""
    page.fill('input[name="login"]', name)
    page.fill('input[name="password"]', "anything")
    page.click("button")
    page.wait_for_selector('input[name="prompt"][value="consent"]', state="attached")
    page.click("button")


def test_person_signs_in_at_a_certified_provider(page: Any) -> None:
    start(page, "certified")
    sign_in_there(page, "ann")
    assert finish(page)["token_type"] == "Bearer"
    assert "code=" not in page.url
    start(page, "certified")  # where the person is signed in already
    assert finish(page)["token_type"] == "Bearer"


def test_person_cancels_at_the_provider(page: Any) -> None:
    start(page, "certified")
    page.click("text=Cancel")
    assert finish(page) == "provider_denied"


def test_form_that_another_site_posts_brings_the_person_back(page: Any) -> None:
    """Apple's way: the browser sends no Lax cookie with the form, and does with the redirect that answers it."""
    sent = {}
    page.on("request", lambda request: sent.setdefault((request.method, "/callback" in request.url), request))
    start(page, "apple")
    page.click("text=Continue")
    assert finish(page)["token_type"] == "Bearer"
    assert "cookie" not in sent["POST", True].all_headers()
    assert "latchkey_flow" in sent["GET", True].all_headers()["cookie"]


def test_link_to_a_callback_shows_an_error_page(page: Any, live_server: str) -> None:
    page.goto(f"{live_server}/api/v1/auth/providers/certified/callback?code=planted&state=planted")
    assert "This sign-in was not started in this browser" in page.inner_text("body")
    assert page.url.startswith(live_server)
