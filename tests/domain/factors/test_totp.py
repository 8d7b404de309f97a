"""TOTP against the test vectors of RFC 6238, appendix B (SHA-1, the last six of the eight digits)."""

import base64
from datetime import UTC, datetime

import pytest

from app.domain.factors.totp import matching_step, new_secret, uri_of

SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert matching_step(code[-6:], SECRET, at(seconds)) == seconds // 30


@pytest.mark.parametrize(("steps", "matches"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_off(steps: int, matches: bool) -> None:
    step = matching_step("081804", SECRET, at(1111111109 + 30 * steps))
    assert step == (1111111109 // 30 if matches else None)


@pytest.mark.parametrize("code", ["", "08180", "0818044", "０８１８０４", "08180a", " 081804", "081804\n", "+81804"])
def test_other_texts_match_no_step(code: str) -> None:
    assert matching_step(code, SECRET, at(1111111109)) is None


def test_secrets_have_160_bits_and_differ() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}


def test_uri_names_the_service_and_the_account() -> None:
    uri = uri_of(SECRET, account="ann+x@example.com", service="id.example.com")
    assert uri == (f"otpauth://totp/id.example.com:ann%2Bx%40example.com?secret={SECRET}&issuer=id.example.com")
