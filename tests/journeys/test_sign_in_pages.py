"""Signing in on the pages in a real browser: by email on one device and on two, with a provider, in two steps."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from tests.journeys.test_in_the_browser import NARROW, OLD, OVERFLOW, PAINT, running, see, sign_up, visit
from tests.support.certified_provider import SECRET, certified_provider
from tests.support.lying_provider import CLIENT_ID
from tests.support.ports import unused_port
from tests.support.profile import in_ci

EMAIL_LINK = "/sign-in/link#token="


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of `python run.py` with a certified provider."""
    port = unused_port()
    url = f"http://localhost:{port}"
    with certified_provider(f"{url}/api/v1/auth/providers/certified/callback", os.environ) as provider:
        settings = {
            "PROVIDERS": "certified", "PROVIDER_CERTIFIED_NAME": "Certified", "PROVIDER_CERTIFIED_CLIENT_ID": CLIENT_ID,
            "PROVIDER_CERTIFIED_ISSUER": provider.issuer, "PROVIDER_CERTIFIED_CLIENT_SECRET": SECRET,
            "PROVIDER_CERTIFIED_TRUSTS_EMAIL": "verified", "RATELIMIT_ENABLED": "false",
        }  # fmt: skip
        with running(tmp_path_factory.mktemp("service"), PORT=str(port), **settings):
            yield url


def ask_for_email(page: Any, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Your email address").fill(email)
    page.get_by_role("button", name="Email me a link").click()
    see(page, "Check your mailbox")


def read_email(page: Any, email: str) -> tuple[str, str]:
    """The link and the code in the newest sign-in email to the address."""
    page.goto("/dev/mailbox")
    page.get_by_role("link", name=f"Your link to sign in {email}").first.click()
    link = str(page.get_by_role("link", name=EMAIL_LINK).inner_text())
    return link, str(re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", page.inner_text("body"))[0])  # type: ignore[index]


def sign_in_with_password(page: Any, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Your email address").fill(email)
    page.get_by_label("Password", exact=True).fill(OLD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_signed_in_as(page: Any, email: str) -> None:
    see(page, "You are signed in")
    page.get_by_text(email).first.wait_for()


def test_code_signs_in_where_it_was_asked_for(chromium: Any, service: str) -> None:
    email = "ann.code@example.com"
    with visit(chromium, service, java_script_enabled=False) as (page, _), visit(chromium, service) as (other, _):
        sign_up(page, email)
        ask_for_email(page, email)
        _, code = read_email(other, email)
        page.get_by_label("Code from the email").fill(code.lower())
        page.get_by_role("button", name="Sign in").click()
        is_signed_in_as(page, email)
        page.get_by_role("button", name="Sign out").click()
        see(page, "Sign in")
        page.goto("/sign-in/done")
        see(page, "Sign in")


@in_ci
def test_link_asks_on_the_same_device_and_on_another(chromium: Any, service: str) -> None:
    email = "cat.link@example.com"
    with visit(chromium, service) as (page, _), visit(chromium, service) as (phone, _):
        sign_up(page, email)
        ask_for_email(page, email)
        link, _ = read_email(phone, email)
        for _ in range(4):  # a scanner that opens the link and runs its scripts
            phone.goto(link)
            see(phone, f"Sign in as {email}?")
        phone.get_by_text("another device or in another browser").wait_for()
        page.goto(link)
        page.get_by_text("You asked for this link in this browser").wait_for()
        phone.get_by_role("button", name="Sign in here").click()
        is_signed_in_as(phone, email)
        page.get_by_role("button", name="Sign in").click()
        see(page, "This link was already used")


def test_provider_signs_in_without_scripts(chromium: Any, service: str) -> None:
    context = chromium.new_context(base_url=service, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Continue with Certified").click()
    page.get_by_placeholder("login").fill("ann")
    page.get_by_placeholder("password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    is_signed_in_as(page, "ann@example.com")
    assert page.url == f"{service}/sign-in/done"
    context.close()


@in_ci
def test_address_of_another_account_is_linked_after_signing_in(chromium: Any, service: str) -> None:
    email = "unverified@example.com"
    context = chromium.new_context(base_url=service)
    page = context.new_page()
    sign_up(page, email)
    page.goto("/sign-in")
    page.get_by_role("link", name="Continue with Certified").click()
    page.get_by_placeholder("login").fill("unverified")
    page.get_by_placeholder("password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    see(page, "Check your mailbox")  # the provider does not vouch for the address
    _, code = read_email(context.new_page(), email)
    page.get_by_label("Code from the email").fill(code)
    page.get_by_role("button", name="Sign in").click()
    is_signed_in_as(page, email)
    page.get_by_role("button", name="Link the two accounts").click()
    page.get_by_role("button", name="Link the two accounts").wait_for(state="detached")
    assert [one["provider"] for one in page.request.get("/api/v1/account/identities").json()["identities"]] == [
        "certified"
    ]
    context.close()


def test_second_step_follows_the_password_and_the_emailed_code(chromium: Any, service: str) -> None:
    email = "dan.factor@example.com"
    with visit(chromium, service) as (page, _):
        tokens = page.request.post("/api/v1/auth/signup", data={"email": email, "password": OLD}).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        factor = page.request.post("/api/v1/account/factors/totp", data={}, headers=headers).json()
        app = pyotp.TOTP(factor["secret"])
        confirm = f"/api/v1/account/factors/totp/{factor['id']}/confirm"
        added = page.request.post(confirm, data={"code": app.now()}, headers=headers)
        assert added.status == 200, added.text()
        recovery_codes = added.json()["recovery_codes"]
        sign_in_with_password(page, email)
        see(page, "One more step")
        page.get_by_label("Code from your authenticator app").fill("000000")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        page.get_by_label("Code from your authenticator app").fill(recovery_codes[0])
        page.get_by_role("button", name="Sign in").click()
        is_signed_in_as(page, email)


def test_passkey_signs_in_on_the_page(chromium: Any, service: str) -> None:
    email = "eva.passkey@example.com"
    with visit(chromium, service) as (page, _):
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        simulated = {"isUserVerified": True, "automaticPresenceSimulation": True}
        session.send("WebAuthn.addVirtualAuthenticator", {"options": options | simulated})
        page.goto("/sign-in")
        page.evaluate(
            """async (email) => {
              const ask = async (path, body) => (await fetch("/api/v1/auth/passkey/sign-up" + path, {
                method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
              const { publicKey } = await ask("/options", { email });
              const parsed = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
              const credential = await navigator.credentials.create({ publicKey: parsed });
              return ask("", { email, credential: credential.toJSON() });
            }""",
            email,
        )
        page.get_by_role("button", name="Sign in with a passkey").click()
        is_signed_in_as(page, email)


def test_wrong_password_is_said_on_the_page(chromium: Any, service: str) -> None:
    with visit(chromium, service) as (page, _):
        sign_in_with_password(page, "nobody@example.com")
        page.get_by_text("Incorrect email or password").wait_for()
        assert page.get_by_label("Your email address").input_value() == "nobody@example.com"


@in_ci
def test_sign_in_pages_fit_a_narrow_screen_in_both_themes(chromium: Any, service: str) -> None:
    email = "fay.narrow@example.com"
    seen: dict[str, list[object]] = {}
    with visit(chromium, service, viewport=NARROW) as (page, _):

        def look(name: str) -> None:
            page.wait_for_load_state()
            seen[name] = [page.evaluate(OVERFLOW)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_function(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
                seen[name].append(page.evaluate(PAINT))
                if folder := os.environ.get("SCREENSHOTS"):
                    page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=True)

        sign_up(page, email)
        page.goto("/sign-in")
        look("choose")
        ask_for_email(page, email)
        look("sent")
        link, _ = read_email(page, email)
        page.goto(link)
        see(page, f"Sign in as {email}?")
        look("ask")
        page.get_by_role("button", name="Sign in").click()
        is_signed_in_as(page, email)
        look("done")
        page.goto(link)
        see(page, "This link was already used")
        look("dead link")
    assert {name: found for name, found in seen.items() if found != [0, "light", "dark"]} == {}
