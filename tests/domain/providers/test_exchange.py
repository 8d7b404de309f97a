"""The exchange of an authorization code, and whose email address counts."""

import base64
import logging
from dataclasses import replace
from urllib.parse import parse_qs, unquote_plus, urlsplit

import jwt
import pytest

from app.core.provider_settings import EmailTrust
from app.domain.providers.claims import is_trusted
from app.domain.providers.errors import IdTokenInvalid, ProviderSignInFailed, ProviderUnavailable
from app.domain.providers.model import code_challenge_of
from config import new_signing_key
from tests.support.lying_provider import CLIENT_ID, CLIENT_SECRET, DISCOVERY, OMITTED, Reply


def token_request(lying, path="/token"):
    ((_, form, headers),) = [request for request in lying.requests if request[0] == path]
    return form, headers


def test_authorization_url_asks_for_a_code_with_pkce(openid, lying, attempt):
    asked = {name: value for name, (value,) in parse_qs(urlsplit(openid().authorization_url(attempt)).query).items()}
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": attempt.redirect_uri,
        "scope": "openid email profile",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": code_challenge_of("v" * 43),
        "code_challenge_method": "S256",
    }


def test_query_of_the_authorization_endpoint_is_kept(openid, lying, attempt):
    lying.metadata["authorization_endpoint"] = f"{lying.url}/authorization?tenant=7"
    assert openid().authorization_url(attempt).startswith(f"{lying.url}/authorization?tenant=7&response_type=code")


def test_challenge_is_that_of_the_standard():
    assert code_challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    )


def test_code_is_exchanged_with_the_verifier(openid, lying, attempt):
    identity = openid().exchange("the-code", attempt)
    form, headers = token_request(lying)
    assert identity.subject == "subject-1"
    assert form == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": "v" * 43,
    }
    joined = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert [unquote_plus(part) for part in joined.split(":")] == [CLIENT_ID, CLIENT_SECRET]


def test_secret_is_in_the_form_where_basic_is_not_supported(openid, lying, attempt):
    lying.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    openid().exchange("the-code", attempt)
    form, headers = token_request(lying)
    assert (form["client_id"], form["client_secret"], "authorization" in headers) == (CLIENT_ID, CLIENT_SECRET, False)


def test_apple_gets_a_signed_secret_and_posts_the_answer(openid, lying, attempt, clock):
    lying.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    pem = new_signing_key()
    apple = openid("apple", client_secret="", team_id="TEAM", key_id="KEY", private_key=pem, scopes=("name", "email"))
    assert "response_mode=form_post&" in apple.authorization_url(attempt) + "&"
    apple.exchange("the-code", attempt)
    secret = token_request(lying)[0]["client_secret"]
    assert jwt.get_unverified_header(secret)["kid"] == "KEY"
    key = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(pem).public_key()
    claims = jwt.decode(secret, key, ["ES256"], audience="https://appleid.apple.com")
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("TEAM", CLIENT_ID, 300)


ANSWERS = {
    "refused code": (Reply(400, b'{"error": "invalid_grant"}'), ProviderSignInFailed),
    "refused code with status 200": (Reply(200, b'{"error": "bad_verification_code"}'), ProviderSignInFailed),
    "no ID token": (Reply(200, b'{"access_token": "at"}'), ProviderSignInFailed),
    "ID token that is no text": (Reply(200, b'{"id_token": 1}'), ProviderSignInFailed),
    "access token as ID token": (Reply(200, b'{"id_token": "at"}'), ProviderSignInFailed),
    "wrong client secret": (Reply(401, b'{"error": "invalid_client"}'), ProviderUnavailable),
    "failure": (Reply(503), ProviderUnavailable),
    "too many requests": (Reply(429), ProviderUnavailable),
    "page": (Reply(200, b"<html>", "text/html"), ProviderUnavailable),
    "list": (Reply(200, b"[]"), ProviderUnavailable),
    "redirect": (Reply(302, b"", headers={"Location": "/elsewhere"}), ProviderUnavailable),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_other_answer_of_the_token_endpoint_is_an_error(openid, lying, attempt, answer):
    lying.replies["/token"], error = ANSWERS[answer]
    with pytest.raises(error):
        openid().exchange("the-code", attempt)
    assert lying.count("/elsewhere") == 0


def test_failing_code_does_not_stop_the_sign_in_of_others(openid, lying, attempt):
    provider = openid(pause=60)
    lying.replies["/token"] = Reply(500)
    with pytest.raises(ProviderUnavailable):
        provider.exchange("a code that makes it fail", attempt)
    del lying.replies["/token"]
    assert provider.exchange("the-code", attempt).subject == "subject-1"


def test_refused_access_token_does_not_stop_others(github, lying, attempt):
    lying.replies["/api/v3/user"] = Reply(401)
    with pytest.raises(ProviderUnavailable):
        github.exchange("of somebody who withdraws it at once", attempt)
    del lying.replies["/api/v3/user"]
    assert github.exchange("the-code", attempt).subject == "4711"


def test_secrets_are_not_logged(openid, lying, attempt, caplog):
    with caplog.at_level(logging.DEBUG):
        for reply in (Reply(401, b'{"error": "invalid_client"}'), Reply(400, b'{"error": "x"}'), Reply(500)):
            lying.replies["/token"] = reply
            with pytest.raises((ProviderUnavailable, ProviderSignInFailed)):
                openid().exchange("the-code", attempt)
        lying.claims = {"aud": "another-client"}
        with pytest.raises(IdTokenInvalid):
            openid().read_id_token(lying.id_token(), ("n-1",))
    ours = "".join(record.getMessage() for record in caplog.records)
    assert "invalid_client" in ours
    assert [
        secret for secret in (CLIENT_SECRET, "the-code", "v" * 43, "ann@example.com", "subject-1") if secret in ours
    ] == []


def test_wrong_nonce_in_the_code_flow_is_noticed(openid, lying, attempt):
    with pytest.raises(ProviderSignInFailed):
        openid().exchange("the-code", replace(attempt, nonce="n-2"))


@pytest.mark.parametrize(("subject", "email"), [("subject-1", "ann@example.com"), ("subject-2", None), (None, None)])
def test_email_from_userinfo_must_be_of_the_subject(openid, lying, attempt, subject, email):
    lying.claims = {"email": OMITTED, "email_verified": OMITTED}
    lying.userinfo = {"sub": subject, "email": "ann@example.com", "email_verified": True, "iss": "x"}
    identity = openid().exchange("the-code", attempt)
    assert (identity.email, identity.email_trusted, identity.issuer) == (email, email is not None, lying.url)


@pytest.mark.parametrize(
    ("issuer", "sends_issuer", "accepted"),
    [("{url}", True, True), (None, True, False), (None, False, True), ("https://evil.example", False, False),
     ("{url}/", True, False), ("", True, False)],
)  # fmt: skip
def test_issuer_of_the_answer_is_checked(openid, lying, issuer, sends_issuer, accepted):
    lying.metadata["authorization_response_iss_parameter_supported"] = sends_issuer
    given, provider = issuer and issuer.format(url=lying.url), openid()
    if issuer == "":
        given = ""
    if accepted:
        provider.check_issuer(given)
    else:
        with pytest.raises(ProviderSignInFailed):
            provider.check_issuer(given)
    assert lying.count(DISCOVERY) == 1


@pytest.mark.parametrize(
    ("verified", "trusted"), [(True, True), ("true", True), (False, False), ("false", False), (1, False), (None, False)]
)
def test_text_of_apple_is_read_as_a_truth_value(openid, lying, verified, trusted):
    identity = openid().read_id_token(lying.id_token(email_verified=verified), ("n-1",))
    assert identity.email_trusted == trusted


@pytest.mark.parametrize(
    ("trust", "email", "verified", "claims", "trusted"),
    [
        (EmailTrust("never"), "ann@example.com", True, {}, False),
        (EmailTrust("verified"), "ann@example.com", True, {}, True),
        (EmailTrust("verified"), "ann@example.com", False, {}, False),
        (EmailTrust("verified"), None, True, {}, False),
        (EmailTrust("google"), "ann@gmail.com", True, {}, True),
        (EmailTrust("google"), "ann@GMAIL.com", True, {}, True),
        (EmailTrust("google"), "ann@gmail.com", False, {}, False),
        (EmailTrust("google"), "ann@gmail.com.evil.example", True, {}, False),
        (EmailTrust("google"), "ann@example.com", True, {}, False),
        (EmailTrust("google"), "ann@example.com", True, {"hd": "example.com"}, True),
        (EmailTrust("domains", ("example.com",)), "ann@Example.com", True, {}, True),
        (EmailTrust("domains", ("example.com",)), "ann@example.com", False, {}, False),
        (EmailTrust("domains", ("example.com",)), "ann@sub.example.com", True, {}, False),
        (EmailTrust("domains", ("example.com",)), '"x@example.com"@evil.example', True, {}, False),
    ],
)
def test_rule_decides_whose_address_counts(trust, email, verified, claims, trusted):
    assert is_trusted(trust, email, verified=verified, claims=claims) == trusted


@pytest.mark.parametrize(
    "email", [1, "", "a@", "x" * 300 + "@example.com", "no-at-sign", "a\0@example.com", None, ["a@b.c"]]
)
def test_other_values_of_email_are_left_out(openid, lying, email):
    identity = openid().read_id_token(lying.id_token(email=email), ("n-1",))
    assert (identity.email, identity.email_trusted) == (None, False)


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"given_name": "Ann", "family_name": "Lee"}, ("Ann", "Lee")),
        ({"given_name": OMITTED, "family_name": OMITTED, "name": "Ann Mary Lee"}, ("Ann", "Mary Lee")),
        ({"given_name": OMITTED, "family_name": OMITTED, "name": "Ann"}, ("Ann", None)),
        ({"given_name": 1, "family_name": ["x"]}, (None, None)),
        ({"given_name": "A\0\nb", "family_name": "x" * 200}, ("A  b", "x" * 100)),
    ],
)
def test_names_fit_their_columns(openid, lying, claims, names):
    identity = openid().read_id_token(lying.id_token(**claims), ("n-1",))
    assert (identity.first_name, identity.last_name) == names


def test_github_identity_is_its_number(github, lying, attempt):
    identity = github.exchange("the-code", attempt)
    form, headers = token_request(lying, "/login/oauth/access_token")
    assert (form["code_verifier"], form["client_secret"], headers["accept"]) == (
        "v" * 43,
        CLIENT_SECRET,
        "application/json",
    )
    assert (identity.issuer, identity.subject) == (lying.url, "4711")
    assert (identity.email, identity.email_trusted) == ("ann@example.com", True)
    assert (identity.first_name, identity.last_name) == ("Ann", "Lee")


@pytest.mark.parametrize(
    ("emails", "email", "trusted"),
    [
        ([{"email": "ann@example.com", "primary": True, "verified": False}], "ann@example.com", False),
        ([{"email": "ann@example.com", "primary": True, "verified": "true"}], "ann@example.com", False),
        ([{"email": "ann@example.com", "primary": False, "verified": True}], None, False),
        ([1, None, {}], None, False),
        ([], None, False),
    ],
)
def test_primary_verified_address_of_github_counts(github, lying, attempt, emails, email, trusted):
    lying.github_emails = emails
    identity = github.exchange("the-code", attempt)
    assert (identity.email, identity.email_trusted) == (email, trusted)


@pytest.mark.parametrize("user", [{}, {"id": "4711"}, {"id": True}, {"login": "ann"}, []])
def test_github_user_without_a_number_is_an_error(github, lying, attempt, user):
    lying.github_user = user
    with pytest.raises(ProviderUnavailable):
        github.exchange("the-code", attempt)


def test_github_issuer_is_checked_if_it_is_sent(github, lying):
    github.check_issuer(None)
    github.check_issuer(f"{lying.url}/login/oauth")
    with pytest.raises(ProviderSignInFailed):
        github.check_issuer(lying.url)


def test_github_takes_no_id_token(github, lying):
    with pytest.raises(IdTokenInvalid, match="makes no ID tokens"):
        github.read_id_token(lying.id_token(), ())
