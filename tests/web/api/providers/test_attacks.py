"""Attacks on the sign-in by the pages of a provider. Each redirect leads to a member of REDIRECT_URLS, or nowhere."""

import threading
from datetime import timedelta

import pytest

from tests.support.api import is_problem, sign_up
from tests.support.lying_provider import DISCOVERY
from tests.support.provider_visitor import APP, AUTH, REDIRECT_URLS, Visitor, query_of


def refused(answer):
    """Whether the callback leads nowhere."""
    return is_problem(answer, 400, "provider_flow_invalid") and "Location" not in answer.headers


def error_of(answer):
    """The error that the app gets."""
    assert answer.headers["Location"].startswith(APP)
    return query_of(answer.headers["Location"])["error"]


@pytest.fixture
def other(client, lying):
    """Another browser, that of the attacker."""
    return Visitor(client.application.test_client(), lying)


def test_callback_without_the_cookie_leads_nowhere(visitor, client, lying):
    visitor.start()
    client.delete_cookie("latchkey_flow")
    assert refused(visitor.come_back())
    assert lying.count("/token") == 0


def test_answer_for_another_browser_leads_nowhere(visitor, other, lying):
    """Login CSRF: the attacker's code and state, opened by the victim, with and without a sign-in of the victim."""
    other.start()
    visitor.asked = other.asked
    assert refused(visitor.come_back())
    visitor.start()
    visitor.asked = other.asked
    assert refused(visitor.come_back())
    assert lying.count("/token") == 0


@pytest.mark.parametrize("state", [None, "", "x", "\0", "ä" * 43, "x" * 4_097])
def test_wrong_state_leads_nowhere(visitor, lying, state):
    visitor.start()
    answer = visitor.come_back(state=state)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert lying.count("/token") == 0


def test_repeated_state_leads_nowhere(visitor, client):
    visitor.start()
    state = visitor.asked["state"]
    answer = client.get(f"{AUTH}/providers/work/callback?code=x&state={state}&state={state}")
    assert answer.status_code == 400


def test_cookie_of_another_provider_leads_nowhere(visitor, lying):
    visitor.start()
    visitor.id = "github"
    assert refused(visitor.come_back(iss=None))
    assert [path for path, _, _ in lying.requests] == [DISCOVERY]


def test_cookie_is_accepted_for_ten_minutes(visitor, clock):
    visitor.start()
    clock.advance(minutes=10, seconds=1)
    assert refused(visitor.come_back())


def test_cookie_is_deleted_after_use(visitor, lying):
    visitor.code()
    assert refused(visitor.come_back())


@pytest.mark.parametrize("value", ["", "x", "A" * 300, "A" * 4_020])
def test_forged_cookie_leads_nowhere(visitor, client, value):
    visitor.start()
    client.set_cookie("latchkey_flow", value)
    assert refused(visitor.come_back())


def test_url_that_was_removed_from_the_settings_is_not_used(visitor, client, auth):
    visitor.start()
    sealed, cookie = auth.provider_sign_in.sealed, client.get_cookie("latchkey_flow").value
    kept = {**sealed.open("provider-flow", cookie).values, "redirect_to": "https://old.example.com/"}
    client.set_cookie("latchkey_flow", sealed.seal("provider-flow", kept, timedelta(minutes=1)))
    assert refused(visitor.come_back())


def test_our_code_is_not_accepted_as_a_cookie(visitor, client):
    code = visitor.code()
    visitor.start()
    client.set_cookie("latchkey_flow", code)
    assert refused(visitor.come_back())


def test_cookie_is_not_accepted_as_our_code(visitor, client):
    visitor.start()
    cookie = client.get_cookie("latchkey_flow").value
    assert is_problem(visitor.redeem(cookie), 400, "provider_code_invalid")


@pytest.mark.parametrize("iss", ["https://evil.example", "", None, "{url}/", "{URL}"])
def test_answer_of_another_issuer_sends_the_code_nowhere(visitor, lying, iss):
    """Mix-up: the answer comes from another provider than the one that was asked (RFC 9207)."""
    visitor.start()
    given = iss and iss.format(url=lying.url, URL=lying.url.upper())
    assert error_of(visitor.come_back(iss=given)) == "provider_sign_in_failed"
    assert lying.count("/token") == 0


def test_error_of_another_issuer_is_not_believed(visitor):
    visitor.start()
    answer = visitor.come_back(code=None, error="access_denied", iss="https://evil.example")
    assert error_of(answer) == "provider_sign_in_failed"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"azp": "x"},
    ],
)
def test_wrong_id_token_gives_no_code(visitor, claims):
    assert error_of(visitor.sign_in_there(**claims)) == "provider_sign_in_failed"


def test_nonce_of_an_earlier_sign_in_is_noticed(visitor, lying):
    visitor.code()
    lying.claims = {"nonce": visitor.asked["nonce"]}
    visitor.start()
    assert error_of(visitor.come_back()) == "provider_sign_in_failed"


@pytest.mark.parametrize(
    "redirect_to",
    [
        APP + "/",
        APP + "x",
        APP + "?x=1",
        APP + "#x",
        APP + "/../admin",
        APP + "%00",
        APP + " ",
        " " + APP,
        APP.upper(),
        APP.replace("https", "HTTPS"),
        APP.replace("https", "http"),
        APP.replace("app.example.com", "app.example.com.evil.example"),
        APP.replace("app.example.com", "app.example.com@evil.example"),
        APP.replace("app.example.com", "user@app.example.com"),
        APP.replace("app.example.com", "app.example.com:443"),
        APP.replace("app.example.com", "app.example.com."),
        APP.replace("app.example.com", "APP.example.com"),
        APP.replace("signed-in", "./signed-in"),
        APP.replace("signed-in", "%73igned-in"),
        "https://app.example.com",
        "https://evil.example/" + APP,
        "//app.example.com/signed-in",
        "/signed-in",
        "javascript:alert(1)",
        "",
        ",".join(REDIRECT_URLS),
    ],
)
def test_redirect_to_must_be_a_listed_url(visitor, lying, redirect_to):
    answer = visitor.start(redirect_to=redirect_to)
    assert is_problem(answer, 400, "redirect_not_allowed")
    assert "Set-Cookie" not in answer.headers
    assert lying.requests == []


def test_state_of_the_app_cannot_change_the_redirect(visitor, lying):
    visitor.start(state='x&code=planted#fragment\\"><script>')
    lying.claims = {"nonce": visitor.asked["nonce"]}
    found = query_of(visitor.come_back().headers["Location"])
    assert found["state"] == 'x&code=planted#fragment\\"><script>'
    assert found["code"] != "planted"


def test_code_planted_into_another_app_is_refused(visitor, other):
    code = visitor.code()
    assert is_problem(other.redeem(code), 400, "provider_code_invalid")
    assert visitor.redeem(code).status_code < 300


@pytest.mark.parametrize("verifier", ["", "short", "ä" * 43, "v" * 129, "v" * 42 + " "])
def test_verifier_must_be_one_of_the_standard(visitor, verifier):
    code = visitor.code()
    answer = visitor.client.post(f"{AUTH}/providers/token", json={"code": code, "code_verifier": verifier})
    assert is_problem(answer, 400, "invalid_input")


def test_challenge_is_not_accepted_as_verifier(visitor):
    """Only S256: with the method `plain` the challenge, which is in URLs, would be the secret."""
    code = visitor.code()
    from_url = visitor.asked["code_challenge"]
    assert is_problem(visitor.redeem(code, from_url), 400, "provider_code_invalid")


def test_code_works_once(visitor):
    code = visitor.code()
    assert visitor.redeem(code).status_code < 300
    assert is_problem(visitor.redeem(code), 400, "provider_code_invalid")


def test_code_expires_after_a_minute(visitor, clock):
    code = visitor.code()
    clock.advance(seconds=61)
    assert is_problem(visitor.redeem(code), 400, "provider_code_invalid")


@pytest.mark.parametrize("code", ["x", "A" * 300, "ä", "\0", "the-code"])
def test_forged_code_is_refused(visitor, code):
    assert is_problem(visitor.redeem(code), 400, "provider_code_invalid")


def test_one_of_twenty_parallel_uses_of_a_code_wins(each_app, visitor):
    code, statuses, start = visitor.code(), [], threading.Barrier(20)

    def use():
        person = Visitor(each_app.test_client(), visitor.provider)
        start.wait()
        statuses.append(person.redeem(code, visitor.verifier).status_code)

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status < 300 for status in statuses) == [False] * 19 + [True]
    assert set(statuses) <= {200, 400, 409}  # 409: the account was opened a moment ago


def test_id_token_is_not_accepted_as_access_token(client, lying):
    for token in (lying.id_token(), lying.id_token(aud="latchkey", iss="http://localhost:8000")):
        assert client.get("/api/v1/account", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_access_token_is_not_accepted_as_id_token(visitor, client):
    tokens = sign_up(client)
    nonce = visitor.new_nonce()
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert is_problem(visitor.send_id_token(token, nonce), 400, "id_token_invalid")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_cookies_are_not_given_to_other_sites(visitor, headers):
    code = visitor.code()
    answer = visitor.redeem(code, query="?transport=cookie", headers=headers)
    assert is_problem(answer, 403, "csrf_failed")


def test_other_bodies_than_a_form_are_refused_at_the_callback(client):
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        answer = client.post(f"{AUTH}/providers/work/callback", data="{}", content_type=kind)
        assert answer.status_code == 415


def test_form_without_members_leads_to_an_error(client):
    answer = client.post(f"{AUTH}/providers/work/callback", data={}, content_type="application/x-www-form-urlencoded")
    assert answer.headers["Location"] == f"{AUTH}/providers/work/callback"
    assert refused(client.get(answer.headers["Location"]))
