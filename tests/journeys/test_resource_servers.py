"""Other services check our access tokens by our public keys alone: the two in docs/examples, run as they stand."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jwt
import pyotp
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.tokens.keys import Key, new_key, to_key
from tests.journeys.conftest import ON_MARIADB, ON_POSTGRESQL, ONE_PROCESS
from tests.support.profile import only_long
from tests.support.servers import ROOT

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
EXAMPLES = ROOT / "docs" / "examples"
KEY_SET = "/.well-known/jwks.json"
COOLDOWN = 2  # seconds for which both examples do not ask for keys again
PATIENCE = 60
# Which process gives the keys is nothing to an example, so not each of them needs each place.
each_example = pytest.mark.parametrize(
    ("hello", "place"),
    [
        ("flask", ON_POSTGRESQL),
        ("node", ONE_PROCESS),
        pytest.param("flask", ONE_PROCESS, marks=only_long),
        pytest.param("node", ON_MARIADB, marks=only_long),
    ],
    indirect=True,
)
INSTALL = ("npm", "ci", "--prefer-offline", "--ignore-scripts", "--fetch-retries=0", "--no-audit", "--no-fund")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    json: Any


Hello = Callable[..., Answer]


def ask(method: str, url: str, *, token: str | None = None, body: object = None) -> Answer:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)) as connection:
        connection.request(method, urlsplit(url).path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), json.loads(answer.read() or "null"))


@pytest.fixture(scope="session")
def node_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Node example and what npm installs for it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("not here: Node and npm; install Node 20 or newer")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"not here: Node 20 or newer; this is {version}")
    folder = tmp_path_factory.mktemp("node")
    for path in (EXAMPLES / "node").glob("*.js*"):
        shutil.copy(path, folder)
    try:
        subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as failed:
        code = re.search(r"error code (\w+)", failed.stderr)
        ours_to_mend = code and code[1] in ("EUSAGE", "EINTEGRITY")
        (pytest.fail if ours_to_mend else pytest.skip)(f"not here: what npm should install ({code and code[1]})")
    except subprocess.TimeoutExpired:
        pytest.skip("not here: what npm should install; it took too long")
    return folder


@pytest.fixture
def hello(request: pytest.FixtureRequest, live_server: str, tmp_path: Path) -> Iterator[Hello]:
    """Each example in a process of its own: `hello(token)` is its answer to GET /hello."""
    if request.param == "node":
        folder, command = request.getfixturevalue("node_example"), ["node", "server.js"]
    else:
        folder, command = EXAMPLES / "flask", [sys.executable, "hello.py"]
    client = str(ROOT / "clients/python")  # which requirements.txt of the example names
    settings = {"ISSUER": live_server, "PORT": "0", "NO_PROXY": "localhost", "PYTHONPATH": client}
    log = tmp_path / "example.log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=output, stderr=output) as child,
    ):
        try:
            address = listening(child, log)
            yield lambda token=None, path="/hello": ask("GET", f"{address}{path}", token=token)
        finally:
            child.terminate()


def listening(child: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the process says it listens on."""
    deadline = time.monotonic() + PATIENCE
    while child.poll() is None and time.monotonic() < deadline:
        if said := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return said[0]
        time.sleep(0.02)
    pytest.fail(f"it does not listen:\n{log.read_text()}")


@pytest.fixture
def ann(live_server: str) -> dict[str, str]:
    """The tokens of a new account."""
    return sign_up(live_server)


def sign_up(origin: str) -> dict[str, str]:
    answer = ask("POST", f"{origin}/api/v1/auth/signup", body=ANN)
    assert answer.status == 201, answer
    return answer.json


def sign_in(origin: str) -> str:
    """An access token of a new session."""
    return ask("POST", f"{origin}/api/v1/auth/login", body=ANN).json["access_token"]


def said_in(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def mint(like: str, key: Any, algorithm: str = "ES256", *, header: dict[str, str] | None = None, **changes: Any) -> str:
    """A token like another but for `changes`; one that is None is left out."""
    claims = {name: value for name, value in (said_in(like) | changes).items() if value is not None}
    return jwt.encode(
        claims, key, algorithm, headers=jwt.get_unverified_header(like) | {"alg": algorithm} | (header or {})
    )


def wait_until_known(origin: str, like: str, key: Key) -> None:
    """Until each process has met the key: the clock runs ahead of the seconds in which they would have read it."""
    token, deadline = mint(like, key.private, key.algorithm, header={"kid": key.kid}), time.monotonic() + PATIENCE
    while [ask("GET", f"{origin}/api/v1/account", token=token).status for _ in range(2)] != [200, 200]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def bad_tokens(tokens: dict[str, str], ours: Any) -> dict[str, str]:
    """Tokens that must open nothing; each is a good one but for what its name says."""
    good, now, stranger = tokens["access_token"], int(time.time()), to_key(new_key("ES256"), None)
    head, _, signature = good.split(".")
    _, forged_claims, _ = mint(good, stranger.private, roles=["admin"]).split(".")
    public = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "nonsense": "nonsense",
        "a refresh token": tokens["refresh_token"],
        "a refresh token, but for the audience": mint(good, ours, header={"typ": "rt+jwt"}),
        "of no stated type": mint(good, ours, header={"typ": "JWT"}),
        "with other claims under the signature": f"{head}.{forged_claims}.{signature}",
        "with a broken signature": good[:-10] + good[-10:].swapcase(),
        "for another audience": mint(good, ours, aud="somebody-else"),
        "for no audience": mint(good, ours, aud=None),
        "from another issuer": mint(good, ours, iss="https://elsewhere.example"),
        "expired": mint(good, ours, exp=now - 60),
        "without an end": mint(good, ours, exp=None),
        "of tomorrow": mint(good, ours, nbf=now + 86_400, exp=now + 90_000),
        "signed by nobody": mint(good, None, "none"),
        "signed with the public key as a secret": mint(good, public, "HS256"),
        "signed by a stranger in our name": mint(good, stranger.private),
        "signed by a stranger": mint(good, stranger.private, header={"kid": stranger.kid}),
    }


@each_example
def test_a_good_access_token_opens_and_no_other_token_does(hello, auth, ann):
    good, ours = ann["access_token"], auth.key_rotation.all()[0][0].private
    account = said_in(good)["sub"]
    assert hello(good)[::2] == (200, {"hello": account, "roles": []})
    assert hello(mint(good, ours, roles=["admin"])).json == {"hello": account, "roles": ["admin"]}
    assert hello(mint(good, ours, exp=int(time.time()) - 5)).status == 200  # clocks differ
    nothing = hello()
    assert (nothing.status, nothing.headers["WWW-Authenticate"]) == (401, "Bearer")
    answers = {name: hello(token) for name, token in bad_tokens(ann, ours).items()}
    refused = {name: (answer.status, answer.headers.get("WWW-Authenticate")) for name, answer in answers.items()}
    assert refused == dict.fromkeys(answers, (401, 'Bearer error="invalid_token"'))


@each_example
def test_after_rotations_tokens_of_every_key_and_algorithm_pass(hello, live_server, auth, ann, clock):
    tokens = [ann["access_token"]]
    assert hello(tokens[0]).status == 200
    for algorithm in ("EdDSA", "RS256"):
        auth.key_rotation.rotate(algorithm=algorithm, soon=True)
        clock.advance(5)
    wait_until_known(live_server, tokens[0], auth.key_rotation.all()[-1][0])
    for _ in range(2):
        tokens.append(sign_in(live_server))
        clock.advance(5)  # three times this is still within the leeway
    assert [jwt.get_unverified_header(token)["alg"] for token in tokens] == ["ES256", "EdDSA", "RS256"]
    time.sleep(COOLDOWN)
    assert [hello(token).status for token in tokens] == [200, 200, 200]


@each_example
def test_secret_asks_for_the_second_factor_and_then_opens(hello, live_server, ann):
    assert hello(path="/secret").status == 401
    asked = hello(ann["access_token"], "/secret")
    assert asked.status == 401
    assert (
        'error="insufficient_user_authentication", acr_values="aal2", max_age="300"'
        in asked.headers["WWW-Authenticate"]
    )
    account, access = f"{live_server}/api/v1", ann["access_token"]
    made = ask("POST", f"{account}/account/factors/totp", token=access, body={"name": "Phone"}).json
    code = {"code": pyotp.TOTP(made["secret"]).now()}
    assert ask("POST", f"{account}/account/factors/totp/{made['id']}/confirm", token=access, body=code).status == 200
    tokens = ask("POST", f"{account}/auth/refresh", token=ann["refresh_token"]).json
    opened = hello(tokens["access_token"], "/secret")
    assert (opened.status, opened.json) == (200, {"secret": said_in(access)["sub"]})


@each_example
@pytest.mark.settings(role_permissions="editor=articles.write articles.read; viewer=articles.read")
def test_articles_need_a_permission_and_plan_reads_claims(hello, live_server, auth, ann):
    account = said_in(ann["access_token"])["sub"]
    assert hello(path="/articles").status == hello(path="/plan").status == 401
    refused = hello(ann["access_token"], "/articles")
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (
        403, 'Bearer error="insufficient_scope", scope="articles.read"',
    )  # fmt: skip
    assert hello(ann["access_token"], "/plan").json == {"plan": "free"}
    tokens = ann
    for role, may_write in (("viewer", False), ("editor", True)):
        auth.admin_accounts.set_roles(None, account, [role])
        auth.admin_accounts.set_claims(None, account, {"plan": role})
        tokens = ask("POST", f"{live_server}/api/v1/auth/refresh", token=tokens["refresh_token"]).json
        opened = hello(tokens["access_token"], "/articles")
        assert (opened.status, opened.json) == (200, {"articles": [], "may_write": may_write})
        assert hello(tokens["access_token"], "/plan").json == {"plan": role}


@each_example
def test_token_without_permissions_opens_no_articles(hello, ann):
    assert hello(ann["access_token"], "/articles").status == 403


@each_example
def test_unknown_key_names_do_not_trigger_a_fetch_each_time(site, hello, auth, ann):
    good, ours = ann["access_token"], auth.key_rotation.all()[0][0].private
    began = time.monotonic()
    answers = [hello(mint(good, ours, header={"kid": f"unknown {number}"})).status for number in range(20)]
    assert answers == [401] * 20
    assert hello(good).status == 200
    asked = [request.path for request in site.requests]
    assert 1 <= asked.count(KEY_SET) <= 2 + (time.monotonic() - began) / COOLDOWN


@each_example
def test_logged_out_token_passes_the_resource_server_only(hello, live_server, ann):
    token = ann["access_token"]
    assert ask("POST", f"{live_server}/api/v1/auth/logout", token=token).status == 204
    assert hello(token).status == 200
    assert ask("GET", f"{live_server}/api/v1/account", token=token).status == 401


@each_example
def test_resource_server_needs_the_service_only_for_the_keys(site, hello, live_server):
    token = sign_up(live_server)["access_token"]
    site.unavailable = True
    early = hello(token)
    assert (early.status, "Retry-After" in early.headers, hello().status) == (503, True, 401)
    site.unavailable = False
    assert hello(token).status == 200
    site.unavailable = True
    assert hello(token).status == 200


def test_the_page_shows_what_the_service_really_gives(client, ann):
    text = (ROOT / "docs" / "resource-servers.md").read_text()
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    token = ann["access_token"]
    metadata = client.get("/.well-known/oauth-authorization-server").json
    given = [metadata, jwt.get_unverified_header(token), said_in(token)]
    assert [block.keys() for block in shown] == [block.keys() for block in given]


def test_the_examples_pin_what_they_are_tested_with():
    ours = (ROOT / "requirements.txt").read_text().splitlines()
    named = set((EXAMPLES / "flask" / "requirements.txt").read_text().splitlines())
    assert named - set(ours) == {"../../../clients/python"}
    assert "resolved" not in (EXAMPLES / "node" / "package-lock.json").read_text()
