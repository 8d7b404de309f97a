"""Values of any type in what a provider sends: each is accepted or refused, and none is an error of ours."""

import pytest

from app.core.errors import ServiceError
from app.domain.providers.model import ExternalIdentity
from tests.support.lying_provider import Reply, public_jwk, rsa_key

STRANGE = [
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "\0", "\ud800", "ä" * 300, "x" * 3_000, [], [None], [[]], ["x"], {},
    {"x": 1}, [{"kty": "RSA"}], "https://", "http://[", "//x", "RS256", "localhost",
]  # fmt: skip
CLAIMS = ["iss", "aud", "azp", "sub", "iat", "exp", "nbf", "nonce", "email", "email_verified", "given_name",
          "family_name", "name", "hd", "tid", "xms_edov"]  # fmt: skip
METADATA = ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint",
            "id_token_signing_alg_values_supported", "authorization_response_iss_parameter_supported",
            "token_endpoint_auth_methods_supported"]  # fmt: skip
KEY = ["kty", "kid", "use", "alg", "n", "e", "issuer"]


def outcome(act):
    """What the act returns, or the class of its expected error."""
    try:
        return act()
    except ServiceError as error:
        return type(error)


def is_expected(found):
    return isinstance(found, ExternalIdentity | str) or issubclass(found, ServiceError)


@pytest.mark.parametrize("kind", ["openid", "microsoft", "google"])
@pytest.mark.parametrize("name", CLAIMS)
def test_strange_claim_causes_no_unexpected_error(openid, lying, kind, name):
    provider = openid(kind)
    for value in STRANGE:
        found = outcome(lambda value=value: provider.read_id_token(lying.id_token(**{name: value}), ("n-1",)))
        assert is_expected(found)
        if isinstance(found, ExternalIdentity):
            texts = (found.email, found.first_name, found.last_name, found.subject)
            assert all(text is None or (text.isprintable() and 0 < len(text) <= 255) for text in texts)


@pytest.mark.parametrize("name", METADATA)
def test_strange_metadata_causes_no_unexpected_error(openid, lying, attempt, name):
    for value in STRANGE:
        lying.metadata = {name: value}
        provider = openid(pause=0)
        assert is_expected(outcome(lambda provider=provider: provider.authorization_url(attempt)))
        assert is_expected(outcome(lambda provider=provider: provider.exchange("the-code", attempt)))


@pytest.mark.parametrize("name", KEY)
def test_strange_key_causes_no_unexpected_error(openid, lying, name):
    for value in STRANGE:
        lying.keys = [{**public_jwk(rsa_key()), name: value}]
        assert is_expected(outcome(lambda: openid(pause=0).read_id_token(lying.id_token(), ("n-1",))))


@pytest.mark.parametrize("path", ["/token", "/userinfo"])
def test_strange_response_causes_no_unexpected_error(openid, lying, attempt, path):
    lying.claims = {"email": None}
    for status in (200, 201, 204, 400, 401, 403, 418):
        for body in (b"", b"1", b"null", b"[]", b'"x"', b"{}", b'{"id_token": {}}', b'{"error": {}}', b'{"sub": []}'):
            lying.replies[path] = Reply(status, body if status != 204 else b"")
            assert is_expected(outcome(lambda: openid(pause=0).exchange("the-code", attempt)))


@pytest.mark.parametrize("path", ["/api/v3/user", "/api/v3/user/emails"])
def test_strange_answer_of_github_causes_no_unexpected_error(github, lying, attempt, path):
    for body in (
        b"1",
        b"null",
        b"[]",
        b"{}",
        b'{"id": []}',
        b'{"id": 1, "name": []}',
        b'[{"primary": true, "email": 1}]',
    ):
        lying.replies[path] = Reply(200, body)
        assert is_expected(outcome(lambda: github.exchange("the-code", attempt)))
