"""Names we answer to, and names we do not."""

import pytest

from tests.support.api import ANN, dump_tables, is_problem

OURS = pytest.mark.settings(
    public_url="https://accounts.example.com", trusted_hosts=["accounts.internal", ".example.net"]
)
KNOWN = (
    "accounts.example.com", "ACCOUNTS.Example.com:443", "accounts.internal:8000", "eu.example.net", "localhost:1",
    "[::1]:80",
)  # fmt: skip
UNKNOWN = (
    "evil.example", "accounts.example.com.evil.example", "evil-accounts.example.com", "example.net", "", "a b",
    "x@localhost", "localhost:8000@evil.example", "localhost:999999", "accounts.example.com\t", "löcalhost",
    "127.0.0.1.evil.example",
)  # fmt: skip


@OURS
@pytest.mark.parametrize("host", KNOWN)
def test_ours_are_answered(client, host):
    assert client.get("/openapi.json", headers={"Host": host}).status_code == 200


@OURS
@pytest.mark.parametrize("host", UNKNOWN)
def test_others_are_refused_and_nothing_is_done(app, client, host):
    before = dump_tables(app)
    answer = client.post("/api/v1/auth/signup", json=ANN, headers={"Host": host})
    assert is_problem(answer, 400, "unknown_host")
    assert host == "" or host not in answer.text
    assert dump_tables(app) == before


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_checks_may_use_an_ip_address(client, path):
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
