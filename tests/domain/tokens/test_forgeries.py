"""Forged tokens: each is rejected with 401, and none causes an error."""

import json
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.core.clock import Clock
from app.domain.tokens.links import Links
from config import new_signing_key
from tests.domain.tokens.forge import b64, by, forge, hs256, nothing, parts, unb64
from tests.support.api import bearer, is_problem

FOREIGN = new_signing_key()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def is_refused(client, token):
    """Whether both routes that accept a token reject it with the same 401."""
    answers = [
        client.get("/api/v1/account", headers=bearer(token)),
        client.post("/api/v1/auth/refresh", headers=bearer(token)),
    ]
    return all(is_problem(answer, 401, "invalid_token") for answer in answers)


def public_keys(pem):
    """The public key in the encodings that a library might accept as a shared secret."""
    public = load_pem_private_key(pem.encode(), None).public_key()
    text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "PEM": text,
        "PEM without its last line break": text.rstrip(),
        "PEM with CR LF": text.replace(b"\n", b"\r\n"),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "a point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "nothing": b"",
    }


def test_the_forger_can_make_a_token_that_works(client, changed):
    assert client.get("/api/v1/account", headers=bearer(changed())).status_code == 200


def test_a_token_that_another_key_signed_is_refused(client, ann):
    assert is_refused(client, forge(*parts(ann["access_token"]), by(FOREIGN)))


def test_a_key_that_comes_with_the_token_is_not_used(client, ann):
    header, claims = parts(ann["access_token"])
    x, y = ("a" * 43, "b" * 43)
    for extra in (
        {"jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}},
        {"jku": "http://localhost:1/"},
        {"x5c": ["AA=="]},
    ):
        assert is_refused(client, forge(header | extra, claims, by(FOREIGN)))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}, ["ES256"], "ES256K", "ES384", "HS256"]
)
@pytest.mark.parametrize("sign", [nothing, hs256(b"")], ids=["unsigned", "signed with an empty secret"])
def test_another_algorithm_is_refused(client, ann, algorithm, sign):
    header, claims = parts(ann["access_token"])
    assert is_refused(client, forge(header | {"alg": algorithm}, claims, sign))


@pytest.mark.parametrize("encoding", list(public_keys(FOREIGN)))
@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_public_key_is_rejected_as_a_shared_secret(client, ann, settings, encoding, algorithm):
    header, claims = parts(ann["access_token"])
    secret = public_keys(settings.signing_key)[encoding]
    assert is_refused(client, forge(header | {"alg": algorithm}, claims, hs256(secret)))


def test_our_secret_key_signs_no_tokens(client, ann, settings):
    header, claims = parts(ann["access_token"])
    assert is_refused(client, forge(header | {"alg": "HS256"}, claims, hs256(settings.secret_key.encode())))


KIDS = [
    ...,
    None,
    "",
    "unknown",
    7,
    -1,
    True,
    [],
    ["x"],
    {},
    "../../../../dev/null",
    "/etc/passwd",
    "x' OR '1'='1",
    "\0",
    "é",
    "x" * 2_000,
]


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: repr(kid)[:20])
def test_unknown_key_is_rejected(client, changed, kid):
    assert is_refused(client, changed({"kid": kid}))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": "exp"},
        {"b64": False},
    ],
    ids=str,
)
def test_an_extension_that_we_do_not_know_is_refused(client, changed, header):
    assert is_refused(client, changed(header))


@pytest.mark.parametrize(
    "kind", [..., None, "", "JWT", "rt+jwt", "AT+JWT", 7, ["at+jwt"], "application/at+jwt"], ids=repr
)
def test_another_type_in_the_header_is_refused(client, changed, kind):
    assert is_refused(client, changed({"typ": kind}))


@pytest.mark.parametrize("kind", [None, "", "id", 7, [], {}], ids=repr)
def test_another_type_in_the_claims_is_refused(client, changed, kind):
    assert is_refused(client, changed(type=kind))


def test_access_token_retyped_as_refresh_token_is_rejected(client, changed):
    assert is_refused(client, changed(type="refresh"))
    assert is_refused(client, changed({"typ": "rt+jwt"}, type="refresh", gen=0))


@pytest.mark.parametrize(
    "issuer",
    [
        ...,
        None,
        "",
        "http://localhost",
        "http://localhost:80001",
        "http://localhost:8000/",
        "HTTP://LOCALHOST:8000",
        7,
        ["http://localhost:8000"],
        {"http://localhost:8000": 1},
        "https://localhost:8000",
    ],
    ids=repr,
)
def test_another_issuer_is_refused(client, changed, issuer):
    assert is_refused(client, changed(iss=issuer))


@pytest.mark.parametrize(
    "audience",
    [
        ...,
        None,
        "",
        "latch",
        "latchkey2",
        "LATCHKEY",
        7,
        ["latchkey"],
        ["latchkey", "other"],
        [],
        {"latchkey": 1},
        "http://localhost:8000",
    ],
    ids=repr,
)
def test_another_audience_is_refused(client, changed, audience):
    assert is_refused(client, changed(aud=audience))


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": ...},
        {"sub": None},
        {"sub": 7},
        {"sub": ["x"]},
        {"sub": ""},
        {"sub": "somebody else"},
        {"sid": ...},
        {"sid": None},
        {"sid": 7},
        {"sid": ["x"]},
        {"sid": "x"},
        {"sid": ""},
        {"sid": "\0"},
        {"exp": ...},
        {"exp": None},
        {"exp": "soon"},
        {"exp": []},
        {"exp": True},
        {"exp": -1e308},
        {"iat": "now"},
        {"iat": 9e15},
        {"nbf": 9e15},
        {"nbf": []},
        {"gen": "0"},
        {"gen": None},
        {"gen": 0.0},
        {"gen": True},
    ],
    ids=str,
)
def test_a_claim_of_another_form_is_refused(client, changed, claims):
    token = changed(**claims)
    answers = [
        client.get("/api/v1/account", headers=bearer(token)),
        client.post("/api/v1/auth/refresh", headers=bearer(token)),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]


@pytest.mark.parametrize("exp", [1e309, float("nan"), 10**300], ids=["infinite", "NaN", "far away"])
def test_malformed_expiry_is_rejected(client, changed, exp):
    assert client.get("/api/v1/account", headers=bearer(changed(exp=exp))).status_code in (200, 401)


def test_claims_that_are_not_an_object_are_rejected(client, ann, ours):
    header, _ = parts(ann["access_token"])
    assert all(
        is_refused(client, forge(header, claims, ours))
        for claims in ([], "x", 7, None, b"{", b"\xff", b"", b"[" * 1_000)
    )


def test_header_that_is_not_an_object_is_rejected(client, ann, ours):
    _, claims = parts(ann["access_token"])
    assert all(
        is_refused(client, forge(header, claims, ours))
        for header in ([], "x", 7, None, b"{", b"\xff", b"", b"[" * 1_000)
    )


def test_a_changed_text_is_refused(client, ann):
    header, claims, signature = ann["access_token"].split(".")
    other = b64(json.loads(unb64(claims)) | {"roles": ["admin"]})
    assert is_refused(client, f"{header}.{other}.{signature}")


def test_a_signature_cut_stretched_or_made_of_zeros_is_refused(client, ann):
    text, _, signature = ann["access_token"].rpartition(".")
    raw = unb64(signature)
    for other in (raw[:-1], raw + b"\0", bytes(64), b"", raw[:32], raw[32:] + raw[:32], b"\xff" * 64):
        assert is_refused(client, f"{text}.{b64(other)}")


def respelled(token):
    """Other texts that decode to the same bytes."""
    header, claims, signature = token.split(".")
    spare = ALPHABET[ALPHABET.index(signature[-1]) ^ 1]
    return [
        token + "=",
        token + "==",
        f"{header}=.{claims}.{signature}",
        f"{token[:-1]}{spare}",
        f"{header}.{claims}=.{signature}",
        f"{header}.{claims}\n.{signature}",
        token.replace("-", "+").replace("_", "/") + ".",
        f" {token}",
        f"{token}\t",
        f"{token}.",
        f"{header}..{claims}.{signature}",
        f"{header}.{claims}.{signature}.{signature}",
        token.replace(".", "%2E"),
    ]


def test_the_same_bytes_in_another_spelling_are_refused(client, ann):
    client.get("/api/v1/account", headers=bearer(ann["access_token"]))  # verified once, and cached
    statuses = [
        client.get("/api/v1/account", headers=bearer(other.replace("\n", "%0A"))).status_code
        for other in respelled(ann["access_token"])
    ]
    assert set(statuses) == {401}


OTHER_FORMS = {
    "flattened JSON": lambda h, c, s: json.dumps({"protected": h, "payload": c, "signature": s}, separators=(",", ":")),
    "general JSON": lambda h, c, s: json.dumps(
        {"payload": c, "signatures": [{"protected": h, "signature": s}]}, separators=(",", ":")
    ),
    "five parts": lambda h, c, s: f"{h}.{c}.{s}.{c}.{s}",
    "encrypted by name": lambda h, c, s: f"{b64({'alg': 'dir', 'enc': 'A256GCM'})}..{c}.{c}.{s}",
    "nested": lambda h, c, s: f"{b64(json.loads(unb64(h)) | {'cty': 'JWT'})}.{b64(f'{h}.{c}.{s}'.encode())}.{s}",
    "detached": lambda h, c, s: f"{h}..{s}",
    "two parts": lambda h, c, s: f"{h}.{c}",
    "one part": lambda h, c, s: h,
    "dots": lambda h, c, s: "..",
    "a quoted token": lambda h, c, s: f'"{h}.{c}.{s}"',
    "twice": lambda h, c, s: f"{h}.{c}.{s},{h}.{c}.{s}",
    "not ASCII": lambda h, c, s: f"{h}.{c}.{s[:-1]}é",
    "other digits": lambda h, c, s: f"{h}.{c}.{s[:-1]}²",
    "a megabyte": lambda h, c, s: f"{h}.{c}.{s}" + "A" * 1_000_000,
    "a megabyte of dots": lambda h, c, s: "." * 1_000_000,
    "5,000 characters": lambda h, c, s: f"{h}.{c}.{'A' * 5_000}",
}


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_a_token_in_another_form_is_refused(client, ann, form):
    assert is_refused(client, form(*ann["access_token"].split(".")))


def test_an_endless_token_is_refused_at_once(client, ann):
    began = time.monotonic()
    client.get("/api/v1/account", headers=bearer("A" * 1_000_000 + ".A.A"))
    assert time.monotonic() - began < 5


def test_link_is_rejected_as_a_bearer_token(client, settings):
    links = Links((settings.secret_key,), Clock())
    assert is_refused(client, links.sign("reset-password", account_id="a", state=1, expires_at=Clock().now()))
