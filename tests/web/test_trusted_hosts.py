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


LOCAL = (
    "[::1]:8000", "[fd00::7]:8000", "10.0.2.2:8000", "192.168.1.7:8000", "mac.local", "app.test:3000", "nas.home.arpa",
    "app.localhost:8000",
)  # fmt: skip
REBOUND = ("mac.local", "app.test:8000", "nas.home.arpa")
in_development = pytest.mark.settings(app_env="development")


@in_development
@pytest.mark.parametrize("host", LOCAL)
def test_local_hosts_are_known_in_development(client, host):
    for path in ("/openapi.json", "/reset-password"):
        assert client.get(path, headers={"Host": host}).status_code == 200


@in_development
@pytest.mark.parametrize("host", ["app.test:8000", "[::1]"])
def test_page_under_a_local_host_is_its_own_origin(client, host):
    assert client.post("/api/v1/auth/signup", json=ANN, headers={"Host": host}).status_code == 201


@pytest.mark.parametrize("host", [host for host in LOCAL if host != "[::1]:8000"])
def test_local_hosts_are_unknown_elsewhere(client, host):
    answer = client.get("/openapi.json", headers={"Host": host})
    assert is_problem(answer, 400, "unknown_host")
    assert answer.json["detail"] == "Unknown host name in the Host header."


@pytest.mark.settings(app_env="development", trusted_hosts=["accounts.internal"])
@pytest.mark.parametrize("host", ["evil.example:8000", "evil.test.example", "local", "999.0.0.1", "xlocal"])
def test_development_names_the_host_to_add(client, host):
    answer = client.get("/openapi.json", headers={"Host": host})
    assert is_problem(answer, 400, "unknown_host")
    name = host.partition(":")[0]
    assert answer.json["detail"].endswith(f" To allow it, set TRUSTED_HOSTS=accounts.internal,{name}")


@in_development
@pytest.mark.parametrize("host", ["<b>", "a b", "", "x@localhost"])
def test_malformed_host_is_not_repeated_in_development(client, host):
    answer = client.get("/openapi.json", headers={"Host": host})
    assert answer.json["detail"] == "Unknown host name in the Host header."


MAILBOX = ("/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox/1", "/dev/mailbox/1/html", "/dev/mailbox/templates")


@in_development
@pytest.mark.parametrize("path", MAILBOX)
def test_page_of_a_rebound_name_cannot_read_the_mailbox(client, path):
    for host in REBOUND:
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code, "TRUSTED_HOSTS=" in answer.text) == (400, True)
    for host in ("localhost:8000", "[::1]:8000", "10.0.2.2:8000", "app.localhost"):
        assert client.get(path, headers={"Host": host}).status_code in (200, 404)


@pytest.mark.settings(app_env="development", trusted_hosts=["mac.local", ".test"])
def test_listed_name_opens_the_mailbox(client):
    for host in ("mac.local", "app.test:8000"):
        assert client.get("/dev/mailbox", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_checks_may_use_an_ip_address(client, path):
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
