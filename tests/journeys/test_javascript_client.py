"""The JavaScript client as the service serves it, in Chromium, in an app of another origin."""

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from tests.journeys.conftest import in_one_process
from tests.journeys.test_passkeys_in_the_browser import VirtualAuthenticator
from tests.support.api import ANN, NEW, PASSWORD, bearer, log_in, sign_up, sql
from tests.support.clock import SettableClock
from tests.support.profile import in_ci, sized

pytestmark = in_one_process
TABS, ROUNDS = 8, sized(2, 10)
SERVE = """async ([service, options]) => {
  const module = await import(`${service}/client.js`);
  const { local, ...others } = options;
  Object.assign(window, module, { told: [] });
  window.client = new module.Latchkey({ url: service, ...(local && { storage: module.browserStorage() }), ...others });
  window.stop = client.onChange((event) => told.push(event));
}"""
FAILED = """(error) => ({ code: error.code ?? String(error), status: error.status, retryAfter: error.retryAfter,
  step: error.secondFactor, link: error.linkToken })"""
SIGN_IN = f"client.signIn({{ email: '{ANN['email']}', password: '{PASSWORD}' }})"
EVENTS = (
    "(async () => { const all = []; for await (const one of client.activity()) all.push(one.event); return all })()"
)
SPOIL = """() => {
  const kept = JSON.parse(localStorage.latchkey);
  localStorage.latchkey = JSON.stringify({ ...kept, access_token: "x.y.z" });
}"""
EXPIRE = """() => {
  const kept = JSON.parse(localStorage.latchkey);
  localStorage.latchkey = JSON.stringify({ ...kept, ends: 0 });
  const now = performance.now.bind(performance);
  performance.now = () => now() + 3600e3;
}"""


@pytest.fixture
def settings(settings: Any, app_server: Any) -> Any:
    origin = f"http://localhost:{app_server.port}"
    return settings.model_copy(update={"cors_origins": [origin], "redirect_urls": [f"{origin}/signed-in"]})


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """One browser profile: its tabs share localStorage and cookies."""
    context = chromium.new_context()
    yield context
    context.close()


class Tab:
    """A tab of the app with a client."""

    def __init__(self, page: Any, service: str, origin: str, options: dict[str, Any]) -> None:
        self.page, self._service, self._origin, self._options = page, service, origin, options
        self.load()

    def load(self, path: str = "/") -> None:
        """Open a page of the app; a reload loses all that is not stored."""
        self.page.goto(self._origin + path)
        self.page.evaluate(SERVE, [self._service, self._options])

    def run(self, code: str) -> Any:
        """The value of an expression with `client`, or what an error says."""
        return self.page.evaluate(
            f"async () => {{ try {{ return await ({code}) }} catch (error) {{ return ({FAILED})(error) }} }}"
        )

    def sign_in(self) -> None:
        assert self.run(SIGN_IN) == {"signedIn": True}

    def told(self) -> list[str]:
        return list(self.page.evaluate("told"))

    def requests(self) -> list[str]:
        """The requests that the page sends from now on."""
        sent: list[str] = []
        self.page.on("request", lambda one: sent.append(f"{one.method} {one.url.rpartition('/api/v1')[2]}"))
        return sent


@pytest.fixture
def tab(context: Any, live_server: str, app_server: Any) -> Any:
    """Opens a tab: `tab(local=True)`."""
    origin = f"http://localhost:{app_server.port}"
    return lambda **options: Tab(context.new_page(), live_server, origin, options)


def test_module_is_small_and_for_every_origin(client: Any) -> None:
    answer = client.get("/client.js", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["Content-Encoding"], len(answer.data) < 6_000) == ("gzip", True)
    plain = client.get("/client.js")
    assert gzip.decompress(answer.data) == plain.data
    assert plain.headers["Access-Control-Allow-Origin"] == "*"
    assert plain.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = client.get("/client.js", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_person_signs_up_changes_the_account_and_signs_out(tab: Any) -> None:
    page = tab()
    assert page.run(f"client.signUp({{ email: 'bo@example.com', password: '{PASSWORD}' }})") == {"signedIn": True}
    assert page.run("client.updateAccount({ first_name: 'Bo' })")["first_name"] == "Bo"
    assert page.run("client.sessions.list()")[0]["current"] is True
    assert page.run(EVENTS) == ["account.created"]
    assert page.run("client.changePassword({ password: 'x' })")["code"] == "password_too_short"
    assert page.run(f"client.changePassword({{ password: '{NEW}' }})") is None
    assert page.run("client.signOut()") is None
    assert (page.run("client.token()"), page.run("client.account()")["status"]) == (None, 401)
    assert page.told() == ["signed-in", "account-changed", "signed-out"]


def test_eight_tabs_that_refresh_at_once_stay_signed_in(tab: Any, client: Any, app: Any) -> None:
    sign_up(client)
    sql(app, "DELETE FROM sessions")
    tabs = [tab(local=True) for _ in range(TABS)]
    tabs[0].sign_in()
    for _ in range(ROUNDS):
        tabs[0].page.evaluate(EXPIRE)
        at = tabs[0].page.evaluate("Date.now() + 300")
        for each in tabs:  # they wait for the same moment
            each.page.evaluate(
                f"void (window.got = new Promise((go) => setTimeout(() => go(client.token()), {at} - Date.now())))"
            )
        for token in [each.page.evaluate("got") for each in tabs]:
            assert client.get("/api/v1/account", headers=bearer(token)).status_code == 200
    assert {each.run("client.account()")["email"] for each in tabs} == {ANN["email"]}
    assert sql(app, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == [(1,)]
    assert sql(app, "SELECT count(*) FROM audit_events WHERE event = 'session.token_reused'") == [(0,)]


def test_lost_answer_is_asked_for_again_after_a_reload(tab: Any, client: Any, clock: SettableClock) -> None:
    sign_up(client)
    page, keys = tab(local=True), []
    page.sign_in()

    def lose(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()  # the service answers, and the answer gets lost
        route.abort()

    page.page.evaluate(EXPIRE)
    page.page.route("**/auth/refresh", lose)
    assert page.run("client.token()")["code"] == "network"
    page.page.unroute("**/auth/refresh")
    clock.advance(seconds=30)  # longer than the grace period
    with page.page.expect_request("**/auth/refresh") as repeated:
        page.load()
        assert page.run("client.account()")["email"] == ANN["email"]
    assert {*keys, repeated.value.headers["idempotency-key"]} == {keys[0]}


@in_ci
def test_session_survives_without_the_network(tab: Any, client: Any, context: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    page.sign_in()
    page.page.evaluate(EXPIRE)
    context.set_offline(True)
    assert page.run("client.account()")["code"] == "network"
    context.set_offline(False)
    assert page.run("client.account()")["email"] == ANN["email"]
    assert page.told() == ["signed-in", "refreshed"]


@in_ci
def test_busy_service_is_asked_again_after_retry_after(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    page.sign_in()
    page.page.evaluate(EXPIRE)
    headers = {"Retry-After": "60", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
    busy = {"status": 503, "headers": headers, "json": {"code": "database_unavailable", "detail": "Busy."}}
    page.page.route("**/auth/refresh", lambda route: route.fulfill(**busy))
    assert page.run("client.token()") == {
        "code": "database_unavailable", "status": 503, "retryAfter": 60, "step": None, "link": None,
    }  # fmt: skip
    page.page.unroute("**/auth/refresh")
    sent = page.requests()
    assert page.run("client.token()")["code"] == "database_unavailable"
    assert sent == []


@in_ci
def test_session_that_ended_elsewhere_is_told_to_every_tab(tab: Any, client: Any) -> None:
    sign_up(client)
    first, second = tab(local=True), tab(local=True)
    first.sign_in()
    client.post("/api/v1/auth/logout?scope=all", headers=bearer(log_in(client).json["access_token"]))
    assert first.run("client.account()")["status"] == 401
    second.page.wait_for_function("told.includes('expired')")
    assert second.run("client.isSignedIn()") is False


@in_ci
def test_token_goes_to_named_origins_only(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab(local=True, apis=["https://api.test"])
    page.sign_in()
    sent = page.run("""(async () => {
      const headers = [];
      client.send = async (request) => (headers.push(request.headers.get("Authorization")), new Response("{}"));
      const urls = ["https://api.test/a", "https://evil.test/b", "https://api.test.evil.test/c", "/d"];
      for (const url of urls) await client.fetch(url);
      return headers;
    })()""")
    assert (sent[0][:9], sent[1:]) == ("Bearer ey", [None, None, None])


@in_ci
def test_refused_token_is_refreshed_and_the_request_repeated_once(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    page.sign_in()
    page.page.evaluate(
        'localStorage.latchkey = localStorage.latchkey.replace(/access_token":"[^"]+/, \'access_token":"x.y.z\')'
    )
    sent = page.requests()
    assert page.run("client.updateAccount({ first_name: 'Ann' })")["first_name"] == "Ann"
    asked = [one for one in sent if not one.startswith("OPTIONS")]
    assert asked == ["PATCH /account", "POST /auth/refresh", "PATCH /account"]


@in_ci
def test_cookies_go_on_after_a_reload_and_an_expired_token(tab: Any, client: Any, context: Any) -> None:
    sign_up(client)
    page = tab(transport="cookie")
    page.sign_in()
    page.load()
    assert page.run("client.updateAccount({ first_name: 'Ann' })")["first_name"] == "Ann"
    context.clear_cookies(name="latchkey_access")
    assert page.run("client.updateAccount({ last_name: 'Lee' })")["last_name"] == "Lee"
    assert page.page.evaluate("Object.keys(localStorage)") == []
    page.run("client.signOut()")
    assert page.run("client.account()")["status"] == 401


@in_ci
def test_storage_that_refuses_keeps_the_tab_signed_in(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    page.page.evaluate(
        "void (Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') })"
    )
    page.sign_in()
    assert page.run("client.account()")["email"] == ANN["email"]


@in_ci
def test_second_factor_is_a_second_step(tab: Any, client: Any, clock: SettableClock) -> None:
    tokens = sign_up(client)
    factor = client.post("/api/v1/account/factors/totp", json={}, headers=bearer(tokens["access_token"])).json
    app = pyotp.TOTP(factor["secret"])
    confirm = f"/api/v1/account/factors/totp/{factor['id']}/confirm"
    client.post(confirm, json={"code": app.at(clock.now())}, headers=bearer(tokens["access_token"]))
    page = tab()
    refused = page.run(SIGN_IN)
    assert (refused["code"], refused["step"]["methods"][0]) == ("second_factor_required", "totp")
    clock.advance(seconds=30)
    given = f"{{ token: '{refused['step']['token']}', code: '{app.at(clock.now())}' }}"
    assert page.run(f"client.secondFactor({given})") == {"signedIn": True}


@in_ci
def test_passkey_is_added_and_signs_in(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab()
    VirtualAuthenticator(page.page)
    page.sign_in()
    assert page.run("client.passkeys.add('Laptop')")["name"] == "Laptop"
    page.run("client.signOut()")
    assert page.run("client.signInWithPasskey()") == {"signedIn": True}
    assert page.run("client.account()")["email"] == ANN["email"]


@in_ci
def test_emailed_code_signs_in(tab: Any, client: Any, mailbox: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    assert page.run(f"client.signInWithEmail('{ANN['email']}')")["expires_in"] > 0
    [message] = [one for one in mailbox.wait_for(2) if "sign in" in one.subject]
    code = re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", message.text)[0]  # type: ignore[index]
    assert page.run(f"client.finishEmail({{ code: '{code}' }})") == {"signedIn": True}


@in_ci
def test_page_of_the_service_signs_in_to_the_app(tab: Any, client: Any, app_server: Any) -> None:
    sign_up(client)
    app_tab, back = tab(local=True), f"http://localhost:{app_server.port}/signed-in"
    app_tab.run(f"client.signInWith(null, {{ redirectTo: '{back}' }})")
    page = app_tab.page
    page.get_by_label("Your email address").fill(ANN["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{back}?**")
    app_tab.load(page.url.removeprefix(f"http://localhost:{app_server.port}"))
    assert app_tab.run("client.finishRedirect()") == {"signedIn": True}
    assert page.url == back
    assert app_tab.run("client.finishRedirect()") is None
    assert app_tab.run("client.account()")["email"] == ANN["email"]


@in_ci
def test_sensitive_request_asks_to_reauthenticate(tab: Any, client: Any, app: Any) -> None:
    sign_up(client)
    page = tab()
    page.sign_in()
    sql(app, "UPDATE sessions SET authenticated_at = '2020-01-01 00:00:00.000000'")
    assert page.run("client.factors.addTotp()")["code"] == "reauthentication_required"
    page.page.evaluate(f"client.onReauthenticate = () => client.reauthenticate({{ password: '{PASSWORD}' }})")
    assert "secret" in page.run("client.factors.addTotp()")


@in_ci
def test_network_error_is_not_kept_as_the_csrf_token(tab: Any, client: Any, context: Any) -> None:
    sign_up(client)
    page = tab(transport="cookie")
    page.sign_in()
    page.load()
    context.set_offline(True)
    assert page.run("client.updateAccount({ first_name: 'Ann' })")["code"] == "network"
    context.set_offline(False)
    assert page.run("client.updateAccount({ first_name: 'Ann' })")["first_name"] == "Ann"


@in_ci
def test_ended_session_of_cookies_is_told(tab: Any, client: Any, context: Any, app: Any) -> None:
    sign_up(client)
    page, other = tab(transport="cookie"), tab(transport="cookie")
    page.sign_in()
    sql(app, "UPDATE sessions SET revoked_at = created_at")
    context.clear_cookies(name="latchkey_access")
    assert page.run("client.account()")["status"] == 401
    other.page.wait_for_function("told.includes('expired')")


@in_ci
def test_clock_that_is_set_back_causes_a_refresh(tab: Any, client: Any) -> None:
    sign_up(client)
    page = tab(local=True)
    page.sign_in()
    page.load()
    page.page.evaluate("() => { const now = Date.now; Date.now = () => now() - 3600e3; }")
    before = page.page.evaluate("JSON.parse(localStorage.latchkey).refresh_token")
    assert page.run("client.account()")["email"] == ANN["email"]
    assert page.page.evaluate("JSON.parse(localStorage.latchkey).refresh_token") != before
