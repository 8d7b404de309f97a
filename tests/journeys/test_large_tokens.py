"""The largest tokens there can be, behind the proxies that docs/operations.md shows."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.conftest import lacking
from tests.journeys.test_in_the_browser import running
from tests.support.api import ANN, PASSWORD
from tests.support.ports import unused_port
from tests.support.profile import in_ci
from tests.support.proxies import proxy
from tests.support.servers import ROOT, NotHere
from tests.web.api.admin.test_claims import MANY, ROLES, WORDS, largest_claims


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HTTPSConnection]:
    """A connection to a proxy in front of a service where Ann has all that fits."""
    port, upstream = unused_port(), unused_port()
    settings = {
        "PORT": str(upstream), "PUBLIC_URL": f"https://localhost:{port}/auth", "TRUSTED_PROXIES": "127.0.0.1",
        "ROLE_PERMISSIONS": MANY, "JWT_ALGORITHM": "RS256",
    }  # fmt: skip
    with ExitStack() as stack:
        try:
            certificate = stack.enter_context(proxy(request.param, tmp_path, port=port, upstream=upstream))
        except NotHere as reason:
            lacking(str(reason))
        stack.enter_context(running(tmp_path, **settings))
        roles = [word for role in ROLES for word in ("--role", role)]
        accounts(tmp_path, settings, "create", "--password-stdin", *roles, ANN["email"], stdin=PASSWORD)
        accounts(tmp_path, settings, "set-claims", ANN["email"], json.dumps(largest_claims()))
        context = ssl.create_default_context(cafile=certificate)
        yield stack.enter_context(closing(HTTPSConnection("localhost", port, context=context, timeout=30)))


def accounts(folder: Path, settings: dict[str, str], *words: str, stdin: str = "") -> None:
    """Run `flask accounts` for the service."""
    environ = settings | {"INSTANCE_PATH": str(folder), "BCRYPT_ROUNDS": "4"}
    command = [sys.executable, "-m", "flask", "accounts", *words]
    subprocess.run(command, cwd=ROOT, env=environ, input=stdin, text=True, check=True, capture_output=True)


@in_ci
def test_largest_token_passes_proxies_in_cookies_and_headers(site: HTTPSConnection) -> None:
    headers = {"Content-Type": "application/json"}
    site.request("POST", "/auth/api/v1/auth/login?transport=cookie", json.dumps(ANN), headers)
    answer = site.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    pairs = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
    token = next(pair for pair in pairs if "_access=" in pair).partition("=")[2]
    assert len(token) > 3_000
    for sent in ({"Cookie": "; ".join(pairs)}, {"Authorization": f"Bearer {token}"}):
        site.request("GET", "/auth/api/v1/account", headers=sent)
        found = site.getresponse()
        account = json.loads(found.read())
        assert (found.status, account["claims"]) == (200, largest_claims())
        assert (account["permissions"], account["roles"]) == (sorted(WORDS), sorted(ROLES))
