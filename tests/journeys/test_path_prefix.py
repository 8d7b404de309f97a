"""The service under a path of another site, behind the proxies that docs/operations.md shows."""

import json
import secrets
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest

from tests.conftest import lacking
from tests.journeys.test_in_the_browser import OLD, choose_password, follow, running, see, visit
from tests.journeys.test_swagger_ui import authorize, execute
from tests.support.ports import unused_port
from tests.support.profile import in_ci
from tests.support.proxies import proxy
from tests.support.servers import NotHere

SIGN_IN_AND_REFRESH = """async ([email, password]) => {
  const send = (path, csrf, body) => fetch(path, {
    method: "POST", body: body && JSON.stringify(body),
    headers: {"Content-Type": "application/json", ...(csrf && {"X-CSRF-Token": csrf})},
  });
  const signedIn = await send("api/v1/auth/login?transport=cookie", null, {email, password});
  const csrf = document.cookie.match(/__Secure-latchkey_csrf=([^;]+)/)[1];
  const refreshed = await send("api/v1/auth/refresh", csrf);
  const account = await fetch("api/v1/account");
  return [signedIn.status, refreshed.status, (await account.json()).email];
}"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Where the proxy is to listen, and where the service does."""
    port, upstream = unused_port(), unused_port()
    url = f"https://localhost:{port}/auth"
    with running(tmp_path_factory.mktemp("service"), PORT=str(upstream), PUBLIC_URL=url, TRUSTED_PROXIES="127.0.0.1"):
        yield port, upstream


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, ports: tuple[int, int], tmp_path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The public URL of the service, and a context that trusts the proxy's certificate."""
    with ExitStack() as stack:
        try:
            certificate = stack.enter_context(proxy(request.param, tmp_path, port=ports[0], upstream=ports[1]))
        except NotHere as reason:
            lacking(str(reason))
        yield f"https://localhost:{ports[0]}/auth", ssl.create_default_context(cafile=certificate)


def fetch(url: str, context: ssl.SSLContext, body: Any = None) -> Any:
    """The answer, parsed if it is JSON; or the status of a refusal."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - our own
    try:
        with urlopen(request, context=context) as answer:  # noqa: S310
            text = answer.read().decode()
            return json.loads(text) if answer.headers.get_content_type() == "application/json" else text
    except HTTPError as refused:
        with refused:
            return refused.code


def sign_up(site: tuple[str, ssl.SSLContext]) -> tuple[str, dict[str, Any]]:
    """The address and the tokens of somebody new."""
    email = f"{secrets.token_hex(4)}@example.com"
    return email, fetch(f"{site[0]}/api/v1/auth/signup", site[1], {"email": email, "password": OLD})


@in_ci
@pytest.mark.parametrize("site", ["nginx"], indirect=True)  # the other one differs in nothing that a page could tell
def test_a_person_gets_along_under_a_path(chromium, site):
    base = site[0]
    email, tokens = sign_up(site)
    with visit(chromium, base, ignore_https_errors=True) as (page, _):
        page.goto(f"{base}/")
        page.get_by_role("link", name="Try the API").click()
        authorize(page, "bearerAuth", tokens["access_token"])
        assert execute(page, "account-get_account")[1]["email"] == email
        page.get_by_role("link", name="Latchkey").click()
        page.get_by_role("link", name="Reset a password").click()
        page.get_by_label("Your email address").fill(email)
        page.get_by_role("button", name="Send").click()
        see(page, "Check your mailbox")
        page.get_by_role("link", name="Latchkey").click()
        page.get_by_role("link", name="Open the mailbox").click()
        page.get_by_role("link", name=f"Choose a new password {email}").click()
        tab = follow(page, page.get_by_role("link", name=f"{base}/reset-password#token="))
        choose_password(tab, "another staple entirely")
        see(tab, "Your password has been changed")
        assert tab.url == f"{base}/reset-password"
        tab.get_by_role("link", name="Latchkey").click()
        see(tab, "Latchkey")
        assert tab.evaluate(SIGN_IN_AND_REFRESH, [email, "another staple entirely"]) == [200, 200, email]
        kept = {cookie["name"]: (cookie["path"], cookie["secure"]) for cookie in tab.context.cookies()}
        assert kept == {
            f"__Secure-latchkey_{word}": ("/auth", True) for word in ("access", "refresh", "csrf", "device")
        }


def test_machines_find_what_they_need_under_a_path(site, ports):
    base, context = site
    host = base.removesuffix("/auth")
    metadata = fetch(f"{base}/.well-known/oauth-authorization-server", context)
    assert metadata["issuer"] == base
    for name in ("openid-configuration", "oauth-authorization-server"):
        document = fetch(f"{host}/.well-known/{name}/auth", context)
        assert document | metadata == document
    _, tokens = sign_up(site)
    keys = {key["kid"]: key for key in fetch(metadata["jwks_uri"], context)["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(tokens["access_token"])["kid"]])
    jwt.decode(tokens["access_token"], key, [key.algorithm_name], issuer=base, audience="latchkey")
    assert fetch(f"{base}/openapi.json", context)["servers"] == [{"url": "/auth"}]
    for front_page in (base, f"{base}/"):
        assert 'href="/auth/docs"' in fetch(front_page, context)
    assert [fetch(f"{base}/{name}", context) for name in ("healthz", "readyz", "metrics")] == [404] * 3
    assert fetch(f"http://127.0.0.1:{ports[1]}/healthz", context) == {"status": "ok"}
