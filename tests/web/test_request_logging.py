"""The line that each request leaves in the log, and its name."""

import json
import logging
import re
from ipaddress import ip_network

import pytest

from app.core.logs import JsonLines
from tests.support.api import ANN, bearer, forgot_password, log_in, me, sign_up
from tests.web.api.routes import SOMEBODY

PROXY = {"environ_base": {"REMOTE_ADDR": "10.0.0.1"}}


@pytest.fixture
def lines(caplog):
    """Every line of ours so far, as production would write it."""
    caplog.set_level(logging.DEBUG, logger="app")
    written = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(JsonLines().format(record))
    logging.getLogger("app").addHandler(handler)
    yield written
    logging.getLogger("app").removeHandler(handler)


@pytest.fixture
def of_requests(lines):
    """The lines of requests alone, parsed."""
    return lambda: [found for found in map(json.loads, lines) if found["logger"] == "app.web.request_logging"]


def test_each_request_logs_one_line(client, of_requests):
    tokens = sign_up(client)
    me(client, tokens)
    signed_up, asked = of_requests()
    assert (asked["method"], asked["route"], asked["status"]) == ("GET", "/api/v1/account", 200)
    assert asked["ms"] >= 0
    assert asked["address"] == "127.0.0.1"
    assert (asked["account_id"], asked["session_id"]) == (signed_up["account_id"], signed_up["session_id"])


def test_the_line_has_the_pattern_and_neither_path_nor_query(client, of_requests, lines):
    client.delete(f"/api/v1/account/sessions/{SOMEBODY}?token=eyJhbGciOi")
    client.get("/nowhere/ann-was-here?token=eyJhbGciOi")
    assert [line["route"] for line in of_requests()] == ["/api/v1/account/sessions/<uuid:session_id>", "unmatched"]
    assert not re.search(f"ann-was-here|eyJ|{SOMEBODY}", "".join(lines))


def test_nothing_that_anyone_keeps_secret_is_in_any_line(client, lines):
    tokens = sign_up(client)
    log_in(client)
    forgot_password(client)
    me(client, tokens)
    client.get("/api/v1/account", headers=bearer("a-forged.token.of-somebody"))
    client.post("/api/v1/auth/login", data=b'{"email": "ann@example.com", "password": "hunter2!')
    said = "".join(lines)
    for secret in (ANN["password"], ANN["email"], tokens["access_token"], tokens["refresh_token"], "hunter2", "forged"):
        assert secret not in said


@pytest.mark.own_app
def test_a_mistake_of_ours_is_logged_without_its_words(app, client, lines):
    @app.get("/mistake")
    def mistake():
        raise RuntimeError("password=hunter2")

    assert client.get("/mistake").status_code == 500
    found = json.loads(lines[0])
    assert (found["error"], found["level"]) == ("builtins.RuntimeError", "error")
    assert "hunter2" not in "".join(lines)


def test_each_answer_has_a_unique_request_id(client, of_requests):
    names = [client.get("/healthz").headers["X-Request-ID"] for _ in range(2)]
    assert [line["request_id"] for line in of_requests()] == names
    assert len(set(names)) == 2


@pytest.mark.settings(trusted_proxies=[ip_network("10.0.0.0/8")])
def test_our_proxy_may_name_a_request(client):
    answer = client.get("/healthz", headers={"X-Request-ID": "edge-17.a_B"}, **PROXY)
    assert answer.headers["X-Request-ID"] == "edge-17.a_B"


@pytest.mark.settings(trusted_proxies=[ip_network("10.0.0.0/8")])
@pytest.mark.parametrize("name", ["", "a b", "a" * 65, 'x","level":"error', "é"])
def test_malformed_request_id_is_replaced(client, name):
    answer = client.get("/healthz", headers={"X-Request-ID": name}, **PROXY)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_request_id_of_an_untrusted_client_is_ignored(client):
    assert client.get("/healthz", headers={"X-Request-ID": "mine"}).headers["X-Request-ID"] != "mine"


def test_unknown_method_is_not_logged(client, of_requests):
    client.open("/healthz", method="BREW")
    assert of_requests()[0]["method"] == "other"


def test_log_context_ends_with_the_request(client, of_requests):
    me(client, sign_up(client))
    client.get("/healthz")
    assert "account_id" not in of_requests()[-1]
