"""Adding, naming and removing passkeys of an account."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.core.base64url import decode, encode
from app.domain.passkeys.options import ALGORITHMS
from app.flows.passkeys import MAX_PASSKEYS
from tests.support.api import PASSWORD, bearer, is_problem, log_in, me, sign_up, sql
from tests.support.authenticator import AT, BS, EDDSA, ES256, RS256, UP, UV, Authenticator, Key
from tests.support.passkey_holder import PasskeyHolder

on_each_database = pytest.mark.usefixtures("each_database")
HOUR = 3_600


@on_each_database
def test_passkeys_are_listed_with_what_signals_need(holder):
    listed = holder.call("GET", "/account/passkeys").json
    (passkey,) = listed["passkeys"]
    assert passkey["credential_id"] == encode(holder.authenticator.newest.id)
    assert (passkey["name"], passkey["transports"], passkey["synced"]) == ("Werkzeug", ["hybrid", "internal"], False)
    assert (listed["rp_id"], decode(listed["user_id"])) == ("localhost", holder.authenticator.newest.user_handle)


def test_options_ask_for_a_verified_discoverable_passkey(holder):
    options = holder.creation_options()
    assert options["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
    }  # fmt: skip
    assert options["attestation"] == "none"
    assert [parameter["alg"] for parameter in options["pubKeyCredParams"]] == list(ALGORITHMS)


def test_options_exclude_the_passkeys_of_the_account(holder):
    ids = [passkey["id"] for passkey in holder.creation_options()["excludeCredentials"]]
    assert ids == [encode(holder.authenticator.newest.id)]


def test_user_handle_contains_no_personal_data(holder):
    user = holder.creation_options()["user"]
    account_id = me(holder.client, holder.tokens).json["id"]
    assert decode(user["id"]).hex() == account_id.replace("-", "")
    assert (user["name"], user["displayName"]) == (holder.email, holder.email)


def test_options_show_the_name_of_the_owner(holder):
    holder.call("PATCH", "/account", first_name="Ann", last_name="Lee")
    assert holder.creation_options()["user"]["displayName"] == "Ann Lee"


@on_each_database
def test_several_passkeys_have_names(holder):
    credential = holder.authenticator.create(holder.creation_options())
    second = holder.call("POST", "/account/passkeys", credential=credential, name="Laptop").json
    assert holder.call("PATCH", f"/account/passkeys/{second['id']}", name="Old laptop").status_code == 204
    assert [passkey["name"] for passkey in holder.passkeys()] == ["Werkzeug", "Old laptop"]
    assert all(holder.sign_in(credential=each).status_code == 200 for each in holder.authenticator.credentials)


def test_passkey_of_another_account_can_be_neither_named_nor_removed(holder, other):
    path = f"/account/passkeys/{holder.passkeys()[0]['id']}"
    assert is_problem(other.call("PATCH", path, name="Mine"), 404, "passkey_not_found")
    assert is_problem(other.call("DELETE", path), 404, "passkey_not_found")
    assert holder.sign_in().status_code == 200


@on_each_database
def test_credential_of_another_account_is_rejected(holder, other):
    """Known id, known public key: whoever sees a registration could repeat it for another account."""
    mine = holder.authenticator.newest
    stolen = other.authenticator.create(other.creation_options(), key=mine.key, credential_id=mine.id)
    assert is_problem(other.call("POST", "/account/passkeys", credential=stolen), 409, "passkey_exists")
    assert len(other.passkeys()) == 1
    assert holder.sign_in().status_code == 200


def test_credential_is_registered_once(holder):
    mine = holder.authenticator.newest
    again = holder.authenticator.create(holder.creation_options(), key=mine.key, credential_id=mine.id)
    assert is_problem(holder.call("POST", "/account/passkeys", credential=again), 409, "passkey_exists")


def test_registration_works_once(holder):
    credential = holder.authenticator.create(holder.creation_options())
    assert holder.call("POST", "/account/passkeys", credential=credential).status_code == 201
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "challenge_used")


def test_one_challenge_registers_one_passkey(holder):
    options = holder.creation_options()
    first, second = (holder.authenticator.create(options) for _ in range(2))
    assert holder.call("POST", "/account/passkeys", credential=first).status_code == 201
    assert is_problem(holder.call("POST", "/account/passkeys", credential=second), 400, "challenge_used")


def test_options_of_another_session_are_rejected(holder):
    credential = holder.authenticator.create(holder.creation_options())
    other_session = log_in(holder.client).json["access_token"]
    answer = holder.call("POST", "/account/passkeys", other_session, credential=credential)
    assert is_problem(answer, 400, "passkey_invalid")


def test_options_of_another_account_are_rejected(holder, other):
    credential = other.authenticator.create(holder.creation_options())
    assert is_problem(other.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_options_to_sign_in_do_not_register(holder):
    options = holder.creation_options() | {"challenge": holder.request_options()["challenge"]}
    credential = holder.authenticator.create(options)
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_expired_options_are_rejected(holder, clock):
    credential = holder.authenticator.create(holder.creation_options())
    clock.advance(minutes=9)
    holder.call("POST", "/auth/reauthenticate", password=PASSWORD)
    clock.advance(minutes=1)
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "challenge_expired")


@on_each_database
def test_session_without_recent_authentication_adds_nothing(holder, clock):
    credential = holder.authenticator.create(holder.creation_options())
    clock.advance(minutes=11)
    for path, body in (("", {"credential": credential}), ("/options", {})):
        answer = holder.call("POST", f"/account/passkeys{path}", **body)
        assert is_problem(answer, 403, "reauthentication_required")
    registered = holder.authenticator.credentials[0]
    response = holder.authenticator.get(holder.reauthentication_options(), credential=registered)
    assert holder.reauthenticate(response).status_code == 204
    assert holder.add_passkey().status_code == 201


def test_session_without_recent_authentication_removes_nothing(holder, clock):
    path = f"/account/passkeys/{holder.passkeys()[0]['id']}"
    clock.advance(minutes=11)
    assert is_problem(holder.call("DELETE", path), 403, "reauthentication_required")
    assert len(holder.passkeys()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"type": "webauthn.get"},
        {"crossOrigin": True},
        {"topOrigin": "https://evil.example"},
        {"flags": UP},
        {"flags": UV},
        {"flags": UP | UV | BS},
    ],
    ids=str,
)
def test_wrong_registration_is_rejected(holder, changes):
    assert is_problem(holder.add_passkey(**changes), 400, "passkey_invalid")


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_passkey_may_sign_its_own_registration(client, algorithm):
    holder = PasskeyHolder(client, Authenticator(algorithm))
    holder.tokens = sign_up(client)
    assert holder.add_passkey(self_attested=True).status_code == 201
    assert holder.sign_in().status_code == 200


@pytest.mark.parametrize("kind", ["fido-u2f", "android-key", "android-safetynet", "tpm", "apple", "compound", "", 1])
def test_other_attestation_is_rejected(holder, kind):
    answer = holder.add_passkey(attestation={"fmt": kind, "attStmt": {}})
    assert is_problem(answer, 400, "passkey_invalid")


def test_certificates_are_not_read(holder):
    statement = {"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"sig", "x5c": [b"no certificate"]}}
    assert is_problem(holder.add_passkey(attestation=statement), 400, "passkey_invalid")


class Unusable(Key):
    """A public key that is not what it should be."""

    def __init__(self, cose):
        self.made = cose
        super().__init__()

    def cose(self):
        return self.made


UNUSABLE = {
    "a point that is not on the curve": {1: 2, 3: ES256, -1: 1, -2: bytes(31) + b"\1", -3: bytes(31) + b"\2"},
    "a curve that does not exist": {1: 2, 3: ES256, -1: 9, -2: b"x" * 32, -3: b"y" * 32},
    "ES512, which was not asked for": {1: 2, 3: -36, -1: 3, -2: b"x" * 66, -3: b"y" * 66},
    "an algorithm of a symmetric key": {1: 4, 3: 5, -1: b"k" * 32},
    "Ed25519 with too few bytes": {1: 1, 3: EDDSA, -1: 6, -2: b"x" * 31},
    "RSA that is too short": None,
    "RSA with an even exponent": {1: 3, 3: RS256, -1: b"\xff" * 256, -2: b"\2"},
    "RSA that is too long": {1: 3, 3: RS256, -1: b"\xff" * 2_048, -2: b"\1\0\1"},
    "nothing": {},
    "a list": [1, 2, 3],
    "text members": {"1": "2"},
}


@pytest.mark.parametrize("cose", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_public_key_is_rejected(holder, cose):
    if cose is None:
        short = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers()  # noqa: S505
        cose = {1: 3, 3: RS256, -1: short.n.to_bytes(128, "big"), -2: b"\1\0\1"}
    assert is_problem(holder.add_passkey(key=Unusable(cose)), 400, "passkey_invalid")
    assert len(holder.passkeys()) == 1


@on_each_database
def test_longest_credential_id_is_stored(holder):
    assert holder.add_passkey(credential_id=b"i" * 1_023).status_code == 201
    assert holder.sign_in().status_code == 200
    assert holder.add_passkey(credential_id=b"i" * 1_024).status_code == 400


@pytest.mark.parametrize("member", ["id", "rawId"])
def test_two_different_ids_are_rejected(holder, member):
    credential = holder.authenticator.create(holder.creation_options())
    credential[member] = encode(b"another id")
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_two_equal_ids_of_another_passkey_are_rejected(holder):
    credential = holder.authenticator.create(holder.creation_options())
    credential["id"] = credential["rawId"] = encode(b"another id")
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_data_after_the_public_key_is_rejected(holder):
    credential = holder.authenticator.create(holder.creation_options())
    made = cbor2.loads(decode(credential["response"]["attestationObject"]))
    made["authData"] += b"more"
    credential["response"]["attestationObject"] = encode(cbor2.dumps(made))
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_data_after_the_registration_is_rejected(holder):
    credential = holder.authenticator.create(holder.creation_options())
    attestation = decode(credential["response"]["attestationObject"])
    credential["response"]["attestationObject"] = encode(attestation + b"more")
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_registration_without_a_public_key_is_rejected(holder):
    credential = holder.authenticator.create(holder.creation_options())
    made = cbor2.loads(decode(credential["response"]["attestationObject"]))
    data = bytearray(made["authData"][:37])
    data[32] &= ~AT
    credential["response"]["attestationObject"] = encode(cbor2.dumps(made | {"authData": bytes(data)}))
    assert is_problem(holder.call("POST", "/account/passkeys", credential=credential), 400, "passkey_invalid")


def test_account_has_at_most_twenty_passkeys(holder):
    options = holder.creation_options()
    while len(holder.passkeys()) < MAX_PASSKEYS:
        assert holder.add_passkey().status_code == 201
    assert is_problem(holder.call("POST", "/account/passkeys/options"), 409, "too_many_passkeys")
    late = holder.authenticator.create(options)
    assert is_problem(holder.call("POST", "/account/passkeys", credential=late), 409, "too_many_passkeys")


@on_each_database
def test_last_way_in_is_not_removed(client):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 201
    (only,) = holder.passkeys()
    assert is_problem(holder.call("DELETE", f"/account/passkeys/{only['id']}"), 409, "last_way_in")
    assert holder.add_passkey().status_code == 201
    assert holder.call("DELETE", f"/account/passkeys/{only['id']}").status_code == 204
    assert holder.sign_in().status_code == 200


@on_each_database
def test_account_with_a_password_may_lose_its_last_passkey(holder):
    (only,) = holder.passkeys()
    assert holder.call("DELETE", f"/account/passkeys/{only['id']}").status_code == 204
    assert holder.passkeys() == []
    assert log_in(holder.client).status_code == 200


@on_each_database
def test_removal_ends_the_other_sessions(holder):
    lost = holder.sign_in().json
    assert holder.call("DELETE", f"/account/passkeys/{holder.passkeys()[0]['id']}").status_code == 204
    assert me(holder.client, lost).status_code == 401
    assert me(holder.client, holder.tokens).status_code == 200


def test_owner_is_told_of_each_change(holder, auth, mailbox):
    holder.call("DELETE", f"/account/passkeys/{holder.passkeys()[0]['id']}")
    while auth.mail_delivery.deliver_due():
        pass
    subjects = [email.subject for email in mailbox.messages]
    assert subjects[-2:] == ["A passkey was added to your account", "A passkey was removed from your account"]
    assert all("/not-me#token=" in email.text for email in mailbox.messages[-2:])


def test_activity_shows_each_change(holder):
    holder.call("DELETE", f"/account/passkeys/{holder.passkeys()[0]['id']}")
    events = [event["event"] for event in holder.call("GET", "/account/activity").json["events"]]
    assert events[:2] == ["passkey.removed", "passkey.added"]


def test_export_has_passkeys_without_their_keys(holder):
    (exported,) = holder.call("GET", "/account/export").json["passkeys"]
    assert exported["credential_id"] == encode(holder.authenticator.newest.id)
    assert not {"public_key", "digest", "sign_count"} & exported.keys()


@pytest.mark.settings(second_factor="everybody")
def test_session_below_its_level_adds_no_passkey(app, client):
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 201
    sql(app, "UPDATE sessions SET level = 1")
    answer = client.post("/api/v1/account/passkeys/options", headers=bearer(holder.tokens["access_token"]))
    assert answer.json["code"] == "stronger_sign_in_required"
