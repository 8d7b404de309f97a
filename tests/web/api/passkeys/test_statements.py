"""How many SQL statements each request about passkeys costs."""

import pytest

from tests.support.passkey_holder import PasskeyHolder
from tests.test_statements import statements


@pytest.mark.usefixtures("each_database")
def test_each_request_costs_these_statements(app, holder):
    options = holder.request_options()
    credential = holder.authenticator.get(options)
    sign_in = ["SELECT", "SELECT", "INSERT", "INSERT", "SELECT", "INSERT", "UPDATE"]  # the third: is the device new
    costs = [
        (lambda: holder.client.post("/api/v1/auth/passkey/options"), []),
        (lambda: holder.client.post("/api/v1/auth/passkey/sign-up/options", json={"email": "bob@example.com"}), []),
        (lambda: holder.client.get("/.well-known/webauthn"), []),
        (lambda: holder.send(credential), sign_in),
        (lambda: holder.call("GET", "/account/passkeys"), ["SELECT", "SELECT"]),
        (lambda: holder.call("POST", "/account/passkeys/options"), ["SELECT", "SELECT"]),
        (lambda: holder.call("POST", "/auth/reauthenticate/options"), ["SELECT", "SELECT"]),
    ]
    found = []
    for act, _ in costs:
        with statements(app) as seen:
            act()
        found.append(seen.verbs)
    assert found == [verbs for _, verbs in costs]


def test_junk_costs_no_statement(app, holder):
    credential = holder.assertion()
    credential["response"]["clientDataJSON"] = "e30"
    with statements(app) as seen:
        assert holder.send(credential).status_code == 400
    assert seen.verbs == []


@pytest.mark.settings(require_verified_email=True)
def test_unknown_and_unverified_passkeys_cost_the_same(app, client):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 202
    unknown, known = PasskeyHolder(client), holder.assertion()
    unknown.authenticator.create(holder.sign_up_options())
    other = unknown.assertion()
    seen = {}
    for name, credential in (("unverified", known), ("unknown", other)):
        with statements(app, commits=True) as seen[name]:
            assert holder.send(credential).json["code"] == "passkey_unusable"
    assert seen["unverified"] == seen["unknown"]
    assert seen["unknown"].verbs == ["SELECT", "SELECT", "INSERT", "COMMIT"]
