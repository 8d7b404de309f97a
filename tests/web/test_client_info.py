"""Whose address a request has: only our own proxies may speak for others."""

import pytest

from app import create_app
from app.web.client_info import client_info, ip_address_of
from config import load

PROXY, CLIENT, LIAR = "10.0.0.1", "203.0.113.9", "198.51.100.4"


@pytest.fixture(scope="module", params=[["10.0.0.0/8", "fd00::/8"]], ids=["trusting"])
def app(request, tmp_path_factory):
    """An app that trusts these proxies."""
    folder = tmp_path_factory.mktemp("origin")
    return create_app(load({}, app_env="testing", instance_path=folder, trusted_proxies=request.param, bcrypt_rounds=4))


@pytest.fixture
def seen(app):
    """The address that a request from `remote` with this header is taken to have."""

    def address_of(remote, forwarded=None):
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        with app.test_request_context(environ_base={"REMOTE_ADDR": remote}, headers=headers):
            return ip_address_of()

    return address_of


@pytest.mark.parametrize("app", [[]], indirect=True, ids=["trusting nobody"])
def test_without_trusted_proxies_the_nearest_hop_is_the_caller(seen):
    assert seen(PROXY, CLIENT) == PROXY


def test_a_trusted_proxy_speaks_for_its_client(seen):
    assert seen(PROXY, CLIENT) == CLIENT


def test_what_a_client_claims_of_itself_does_not_count(seen):
    assert seen(PROXY, f"{LIAR}, {CLIENT}") == CLIENT


def test_untrusted_proxy_headers_are_ignored(seen):
    assert seen(CLIENT, LIAR) == CLIENT


def test_a_chain_of_our_proxies_is_followed_to_its_client(seen):
    assert seen("fd00::2", f"{CLIENT}, 10.1.1.1, {PROXY}") == CLIENT


@pytest.mark.parametrize(
    "forwarded",
    [
        "",
        "unknown",
        "a, b",
        "::ffff:999.1.1.1",
        "é",
        "," * 1_000,
        "1.2.3:80",
        "192.0.2.7:",
        "192.0.2.7:http",
        "192.0.2.7:123456",
        "[192.0.2.7]:80",
        "[2001:db8::7",
        "2001:db8::7]:80",
        "[]:80",
        "[2001:db8::7]x",
        ":80",
        "[[::1]]:80",
        "192.0.2.7:80:80",
        "https://192.0.2.7:80",
    ],
)
def test_nonsense_from_a_proxy_leaves_the_proxy(seen, forwarded):
    assert seen(PROXY, forwarded) == PROXY


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (f"{CLIENT}:5678", CLIENT), (f" {CLIENT}:1 ", CLIENT), ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"), (f"[::ffff:{CLIENT}]:80", CLIENT), ("[fe80::1%eth0]:80", "fe80::1"),
        (f"{LIAR}, {CLIENT}:5678, {PROXY}:443", CLIENT), (f"{CLIENT}:80, [fd00::2]:443", CLIENT),
    ],
)  # fmt: skip
def test_port_and_brackets_of_an_address_are_understood(seen, forwarded, address):
    assert seen(PROXY, forwarded) == address


def test_an_ipv4_address_in_ipv6_clothes_is_the_same(seen):
    assert seen(f"::ffff:{PROXY}", f"::ffff:{CLIENT}") == CLIENT


@pytest.mark.parametrize("zone", ["eth0", "a" * 12, "a" * 500])
def test_the_zone_of_an_address_is_dropped(seen, zone):
    assert seen(PROXY, f"fe80::1%{zone}") == "fe80::1"
    assert seen(f"fd00::2%{zone}", f"::ffff:{CLIENT}%{zone}") == CLIENT


@pytest.mark.parametrize("remote", ["", "unix:", "nonsense"])
def test_a_caller_without_an_address_has_none(seen, remote):
    assert seen(remote) is None


def test_an_agent_s_name_is_kept_short(app):
    with app.test_request_context(headers={"User-Agent": "x" * 5_000}):
        assert len(client_info().user_agent) == 400
