"""ID tokens: one that is right is accepted, and each lie is noticed."""

import time
import warnings

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.domain.providers.errors import IdTokenInvalid, ProviderSignInFailed
from app.domain.providers.id_token import nonce_forms
from tests.support.lying_provider import CLIENT_ID, KID, OMITTED, ec_key, public_jwk, rsa_key

HOUR = 3_600
TENANT, OTHER_TENANT = "9f2c1a34-0c1d-4a5e-8f00-1234567890ab", "00000000-0c1d-4a5e-8f00-1234567890ab"


def now(shift=0):
    return int(time.time()) + shift


def read(provider, token, nonces=("n-1",)):
    return provider.read_id_token(token, nonces)


def test_right_token_gives_the_identity(openid, lying):
    identity = read(openid(), lying.id_token())
    assert (identity.provider, identity.issuer, identity.subject) == ("work", lying.url, "subject-1")
    assert (identity.email, identity.email_trusted) == ("ann@example.com", True)
    assert (identity.first_name, identity.last_name) == ("Ann", "Lee")


LIES = {
    "other issuer": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": "{url}/"},
    "no issuer": {"iss": OMITTED},
    "other audience": {"aud": "another-client"},
    "no audience": {"aud": OMITTED},
    "empty audience": {"aud": []},
    "audience of numbers": {"aud": [1]},
    "several audiences without azp": {"aud": [CLIENT_ID, "another-client"]},
    "azp of another client": {"azp": "another-client"},
    "several audiences and a strange azp": {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    "other nonce": {"nonce": "n-2"},
    "no nonce": {"nonce": OMITTED},
    "nonce of another type": {"nonce": ["n-1"]},
    "expired": {"exp": now(-120)},
    "no expiry": {"exp": OMITTED},
    "expiry as text": {"exp": str(now(HOUR))},
    "expiry that is no number": {"exp": float("nan")},
    "endless expiry": {"exp": float("inf")},
    "expiry of 400 digits": {"exp": 10**400},
    "issued in the future": {"iat": now(HOUR), "exp": now(2 * HOUR)},
    "issued an hour ago": {"iat": now(-HOUR)},
    "not issued": {"iat": OMITTED},
    "issued at true": {"iat": True},
    "valid later": {"nbf": now(HOUR)},
    "no subject": {"sub": OMITTED},
    "empty subject": {"sub": ""},
    "long subject": {"sub": "s" * 256},
    "subject of another type": {"sub": 1},
    "subject with NUL": {"sub": "s\0"},
    "subject outside ASCII": {"sub": "ä"},
}


@pytest.mark.parametrize("lie", LIES)
def test_wrong_claim_is_noticed(openid, lying, lie):
    changed = {name: value.format(url=lying.url) if name == "iss" and value is not OMITTED else value
               for name, value in LIES[lie].items()}  # fmt: skip
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(**changed))


FORGERIES = {
    "no signature": {"algorithm": "none"},
    "public key as a secret": {"algorithm": "HS256"},
    "own key": {"key": ec_key(), "algorithm": "ES256"},
    "own key in the header": {"key": ec_key(), "algorithm": "ES256", "header": {"jwk": public_jwk(ec_key())}},
    "unknown key id": {"kid": "second"},
    "key id that is a path": {"kid": "../../dev/null"},
    "algorithm that the provider does not use": {"algorithm": "PS256"},
    "other algorithm of the family": {"algorithm": "RS512"},
    "unknown extension": {"header": {"crit": ["exp"], "exp": 1}},
    "known extension": {"header": {"crit": ["b64"], "b64": True}},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_token_is_noticed(openid, lying, forgery):
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(**FORGERIES[forgery]))


def test_changed_signature_is_noticed(openid, lying):
    head, body, signature = lying.id_token().split(".")
    swapped = lying.id_token(sub="subject-2").split(".")[1]
    for token in (f"{head}.{swapped}.{signature}", f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}."):
        with pytest.raises(IdTokenInvalid):
            read(openid(), token)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "....", "e30.e30.", "ä.b.c", "\ud800", "A" * 20_000, "[" * 9_000, "e30.W10.e30"]
)
def test_garbage_is_rejected(openid, token):
    with pytest.raises(IdTokenInvalid):
        read(openid(), token)


def test_token_with_endless_claims_is_rejected(openid, lying):
    assert read(openid(), lying.id_token(more="x" * 1_000)).subject == "subject-1"
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(more="x" * 20_000))


def test_payload_must_be_an_object(openid):
    for payload in (b"[]", b"1", b"null", b"{", b"[" * 5_000, b"\xff"):
        token = jwt.api_jws.encode(payload, rsa_key(), "RS256", {"kid": KID})
        with pytest.raises(IdTokenInvalid):
            read(openid(), token)


def test_weak_key_of_the_provider_is_rejected(openid, lying):
    lying.keys = [public_jwk(rsa_key(1_024))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        token = lying.id_token(key=rsa_key(1_024))
    with pytest.raises(IdTokenInvalid):
        read(openid(), token)


def test_key_of_another_curve_or_type_is_rejected(openid, lying):
    lying.metadata["id_token_signing_alg_values_supported"] = ["ES256", "HS256", "none"]
    lying.keys = [public_jwk(ec_key(ec.SECP384R1)), {"kty": "oct", "k": "c2VjcmV0", "kid": KID}]
    for arguments in ({"key": ec_key(), "algorithm": "ES256"}, {"algorithm": "HS256"}, {"algorithm": "none"}):
        with pytest.raises(IdTokenInvalid):
            read(openid(), lying.id_token(**arguments))


@pytest.mark.parametrize("marks", [{"use": "enc"}, {"alg": "RS512"}])
def test_key_for_something_else_is_not_used(openid, lying, marks):
    lying.keys = [public_jwk(rsa_key(), **marks)]
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token())


def test_token_without_key_id_needs_a_single_key(openid, lying):
    assert read(openid(), lying.id_token(kid=OMITTED)).subject == "subject-1"
    lying.keys.append(public_jwk(rsa_key(2_049), "second"))
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(kid=OMITTED))


def test_other_algorithms_of_the_provider_are_accepted(openid, lying):
    lying.metadata["id_token_signing_alg_values_supported"] = ["ES256", "PS256"]
    lying.keys = [public_jwk(ec_key()), public_jwk(rsa_key())]
    assert read(openid(), lying.id_token(key=ec_key(), algorithm="ES256")).subject == "subject-1"
    assert read(openid(), lying.id_token(algorithm="PS256")).subject == "subject-1"


def test_several_audiences_with_our_azp_are_accepted(openid, lying):
    assert read(openid(), lying.id_token(aud=[CLIENT_ID, "another-client"], azp=CLIENT_ID)).subject == "subject-1"


def test_client_ids_of_apps_count_for_apps_only(openid, lying, attempt):
    provider = openid(audiences=("ios-client",))
    assert read(provider, lying.id_token(aud="ios-client")).subject == "subject-1"
    assert read(provider, lying.id_token(aud=CLIENT_ID, azp="ios-client")).subject == "subject-1"
    lying.claims = {"aud": "ios-client"}
    with pytest.raises(ProviderSignInFailed):
        provider.exchange("code", attempt)


def test_token_becomes_too_old(openid, lying, clock):
    provider, token = openid(), lying.id_token(exp=now(HOUR))
    clock.advance(minutes=10)
    assert read(provider, token).subject == "subject-1"
    clock.advance(seconds=90)
    with pytest.raises(IdTokenInvalid):
        read(provider, token)


def test_nonce_may_be_its_digest(openid, lying):
    raw, digest = nonce_forms("n-1")
    for form in (raw, digest):
        assert read(openid(), lying.id_token(nonce=form), nonce_forms("n-1")).subject == "subject-1"
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(nonce=digest.upper()), nonce_forms("n-1"))


def test_token_without_nonce_is_accepted_if_none_is_expected(openid, lying):
    assert read(openid(), lying.id_token(nonce=OMITTED), ()).subject == "subject-1"


def test_both_issuers_of_google_are_one(openid, lying):
    assert read(openid("google"), lying.id_token(iss=lying.url.partition("//")[2])).issuer == lying.url
    with pytest.raises(IdTokenInvalid):
        read(openid(), lying.id_token(iss=lying.url.partition("//")[2]))


def microsoft(openid, lying, **changes):
    template = f"{lying.url}/{{tenantid}}/v2.0"
    lying.metadata["issuer"] = template
    return openid("microsoft", issuer=template, **changes)


def microsoft_token(lying, tenant=TENANT, **claims):
    return lying.id_token(**{"iss": f"{lying.url}/{tenant}/v2.0", "tid": tenant, "email_verified": OMITTED, **claims})


def test_microsoft_issuer_is_that_of_the_tenant(openid, lying):
    identity = read(microsoft(openid, lying), microsoft_token(lying))
    assert identity.issuer == f"{lying.url}/{TENANT}/v2.0"
    assert not identity.email_trusted


@pytest.mark.parametrize("claims", [{"tid": OTHER_TENANT}, {"tid": OMITTED}, {"iss": "https://evil.example"}])
def test_microsoft_issuer_and_tenant_must_agree(openid, lying, claims):
    with pytest.raises(IdTokenInvalid):
        read(microsoft(openid, lying), microsoft_token(lying, **claims))


def test_microsoft_tenants_may_be_limited(openid, lying):
    provider = microsoft(openid, lying, tenants=(TENANT, TENANT.replace("9", "8")))
    assert read(provider, microsoft_token(lying)).subject == "subject-1"
    with pytest.raises(IdTokenInvalid):
        read(provider, microsoft_token(lying, OTHER_TENANT))


def test_microsoft_with_one_tenant_reads_its_metadata(openid, lying):
    provider = microsoft(openid, lying, tenants=(TENANT,))
    lying.metadata["issuer"] = f"{lying.url}/{TENANT}/v2.0"
    assert read(provider, microsoft_token(lying)).subject == "subject-1"
    assert lying.requests[0][0] == f"/{TENANT}/v2.0/.well-known/openid-configuration"
    with pytest.raises(IdTokenInvalid):
        read(provider, microsoft_token(lying, OTHER_TENANT))


def test_microsoft_key_counts_for_its_issuer_only(openid, lying):
    lying.keys = [public_jwk(rsa_key(), issuer=f"{lying.url}/{TENANT}/v2.0")]
    assert read(microsoft(openid, lying), microsoft_token(lying)).subject == "subject-1"
    with pytest.raises(IdTokenInvalid):
        read(microsoft(openid, lying), microsoft_token(lying, OTHER_TENANT))
