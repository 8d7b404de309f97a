"""The browser code of docs/passkeys.md, exactly as it stands there, in Chromium with a virtual authenticator."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.conftest import in_one_process
from tests.support.api import ANN, PASSWORD, log_in, sign_up
from tests.support.authenticator_app import Owner
from tests.test_docs import BASE, ROOT, fenced, section

PAGE = ROOT / "docs/passkeys.md"
FUNCTIONS = (
    "signUp",
    "addPasskey",
    "signIn",
    "suggestPasskeys",
    "finishWithPasskey",
    "authenticateAgain",
    "removePasskey",
)
INTERNAL = {
    "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def settings(settings: Any, app_server: Any) -> Any:
    return settings.model_copy(update={"cors_origins": [f"http://localhost:{app_server.port}"]})


class VirtualAuthenticator:
    """What the DevTools protocol offers of WebAuthn, for one page."""

    def __init__(self, page: Any, **options: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": INTERNAL | options})
        self._id = {"authenticatorId": made["authenticatorId"]}

    def send(self, method: str, **parameters: Any) -> Any:
        return self._session.send(f"WebAuthn.{method}", self._id | parameters)

    def credentials(self) -> list[dict[str, Any]]:
        return list(self.send("getCredentials")["credentials"])


@pytest.fixture
def page(chromium: Any, live_server: str, app_server: Any) -> Iterator[Any]:
    """A page of an app on another origin that has the functions of the documentation."""
    (code,) = fenced(section(PAGE, "## In the browser"), "js")
    assert code.count(BASE) == 1
    assert set(re.findall(r"^async function (\w+)", code, re.MULTILINE)) - {"call"} == set(FUNCTIONS)
    app_server.app.script = (
        code.replace(BASE, live_server) + f"Object.assign(window, {{ {', '.join(FUNCTIONS)}, ready: true }});"
    )
    app_server.app.body = '<input autocomplete="username webauthn">'
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://localhost:{app_server.port}/")
    page.wait_for_function("window.ready")
    yield page
    context.close()


@pytest.fixture
def authenticator(page: Any) -> VirtualAuthenticator:
    """A device with one sensor that recognises its owner."""
    return VirtualAuthenticator(page)


def run(page: Any, function: str, *arguments: Any) -> Any:
    """The result of one of the functions; of an error its name or code."""
    caught = "error instanceof DOMException ? error.name : error.code ?? error"
    return page.evaluate(
        f"([name, ...given]) => window[name](...given).catch((error) => {caught})", [function, *arguments]
    )


@in_one_process  # two processes accept each other's challenges in tests/races/test_passkeys.py
def test_passkey_is_added_used_and_removed(page: Any, authenticator: VirtualAuthenticator, client: Any) -> None:
    tokens = sign_up(client)
    added = run(page, "addPasskey", tokens["access_token"], "Laptop")
    assert (added["name"], added["synced"], added["transports"]) == ("Laptop", False, ["internal"])
    assert run(page, "addPasskey", tokens["access_token"], "Again") == "InvalidStateError"
    (stored,) = authenticator.credentials()
    assert (stored["rpId"], stored["isResidentCredential"]) == ("localhost", True)

    signed_in = run(page, "signIn")
    assert signed_in["token_type"] == "Bearer"
    assert run(page, "authenticateAgain", signed_in["access_token"]) is None

    authenticator.send("setUserVerified", isUserVerified=False)
    assert run(page, "signIn") == "NotAllowedError"
    authenticator.send("setUserVerified", isUserVerified=True)

    run(page, "removePasskey", signed_in["access_token"], added["id"])
    assert authenticator.credentials() == []  # the page told the browser


@in_one_process
def test_sign_up_and_suggestions_need_no_password(page: Any, authenticator: VirtualAuthenticator, client: Any) -> None:
    assert run(page, "signUp", ANN["email"])["token_type"] == "Bearer"
    assert log_in(client).status_code == 401
    assert run(page, "suggestPasskeys")["token_type"] == "Bearer"


@in_one_process
def test_button_replaces_the_suggestions(page: Any, authenticator: VirtualAuthenticator) -> None:
    """While suggestions wait, another request of the same page would fail if they were not ended first."""
    run(page, "signUp", ANN["email"])
    authenticator.send("setUserVerified", isUserVerified=False)
    script = """() => {
      const suggested = suggestPasskeys().catch((reason) => reason.name ?? reason);
      const pressed = signIn().catch((reason) => reason.name ?? reason);
      return Promise.all([suggested, pressed]);
    }"""
    assert "InvalidStateError" not in page.evaluate(script)


@in_one_process
def test_synced_passkey_is_recognised(page: Any, client: Any) -> None:
    VirtualAuthenticator(page, defaultBackupEligibility=True, defaultBackupState=True)
    added = run(page, "addPasskey", sign_up(client)["access_token"], "Phone")
    assert added["synced"] is True
    assert run(page, "signIn")["token_type"] == "Bearer"


@in_one_process
def test_copy_with_an_old_counter_is_rejected(page: Any, authenticator: VirtualAuthenticator, client: Any) -> None:
    run(page, "addPasskey", sign_up(client)["access_token"], "Laptop")
    (original,) = authenticator.credentials()
    assert run(page, "signIn")["token_type"] == "Bearer"
    authenticator.send("removeCredential", credentialId=original["credentialId"])
    authenticator.send("addCredential", credential=original)
    assert run(page, "signIn") == "passkey_copy_suspected"


@in_one_process
def test_unknown_passkey_is_dropped_by_the_browser(page: Any, authenticator: VirtualAuthenticator, client: Any) -> None:
    tokens = sign_up(client)
    added = run(page, "addPasskey", tokens["access_token"], "Laptop")
    path = f"/api/v1/account/passkeys/{added['id']}"
    assert client.delete(path, headers={"Authorization": f"Bearer {tokens['access_token']}"}).status_code == 204
    assert len(authenticator.credentials()) == 1
    assert run(page, "signIn") == "passkey_unknown"
    assert authenticator.credentials() == []


@in_one_process
def test_passkey_finishes_the_second_step(
    page: Any, authenticator: VirtualAuthenticator, client: Any, clock: Any
) -> None:
    owner = Owner(client, clock).sign_up()
    run(page, "addPasskey", owner.tokens["access_token"], "Laptop")
    answer = client.post("/api/v1/auth/login", json={"email": ANN["email"], "password": PASSWORD})
    assert answer.json["second_factor"]["methods"] == ["totp", "passkey", "recovery_code"]
    assert run(page, "finishWithPasskey", answer.json["second_factor"]["token"])["token_type"] == "Bearer"
