"""Attacks on sign-in with a passkey, one by one."""

import hashlib
from datetime import UTC, datetime, timedelta

import cbor2
import pytest

from app.core.base64url import decode, encode
from app.domain.passkeys.model import Passkey
from tests.support.api import ANN, bearer, is_problem, log_in, make_admin, sql, update_rows
from tests.support.authenticator import BE, BS, UP, UV, Authenticator, Credential, Key
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.passkeys.test_sign_in import newest_token

on_each_database = pytest.mark.usefixtures("each_database")


@on_each_database
def test_replayed_response_is_rejected(app, holder):
    credential = holder.assertion()
    assert holder.send(credential).status_code == 200
    assert is_problem(holder.send(credential), 400, "challenge_used")
    assert is_problem(PasskeyHolder(app.test_client()).send(credential), 400, "challenge_used")


def test_used_challenge_with_a_new_signature_is_rejected(holder):
    options = holder.request_options()
    assert holder.send(holder.authenticator.get(options)).status_code == 200
    assert is_problem(holder.send(holder.authenticator.get(options)), 400, "challenge_used")


def test_expired_challenge_is_rejected(holder, clock):
    credential = holder.assertion()
    clock.advance(minutes=10)
    assert is_problem(holder.send(credential), 400, "challenge_expired")


def test_challenge_is_accepted_for_ten_minutes(holder, clock):
    credential = holder.assertion()
    clock.advance(minutes=9, seconds=58)
    assert holder.send(credential).status_code == 200


def test_used_challenge_stays_used_after_the_cleanup(holder, auth, clock, app):
    credential = holder.authenticator.get(holder.reauthentication_options())
    assert holder.reauthenticate(credential).status_code == 204
    clock.advance(minutes=9)
    auth.cleanup.run()
    assert holder.reauthenticate(credential).json["code"] == "challenge_used"
    clock.advance(hours=2)
    auth.cleanup.run()
    assert sql(app, "SELECT count(*) FROM spent_challenges") == [(0,)]


def test_challenge_of_our_own_making_is_rejected(holder):
    options = holder.request_options() | {"challenge": encode(b"x" * 36)}
    assert is_problem(holder.send(holder.authenticator.get(options)), 400, "passkey_invalid")


@pytest.mark.parametrize("changed", [0, 16, 19, 20, 35])
def test_changed_challenge_is_rejected(holder, changed):
    options = holder.request_options()
    challenge = bytearray(decode(options["challenge"]))
    challenge[changed] ^= 1
    credential = holder.authenticator.get(options | {"challenge": encode(bytes(challenge))})
    assert is_problem(holder.send(credential), 400, "passkey_invalid")


@pytest.mark.parametrize("path", ["/auth/reauthenticate/options", "/account/passkeys/options"])
def test_challenge_of_another_purpose_is_rejected(holder, path):
    challenge = holder.call("POST", path).json["publicKey"]["challenge"]
    credential = holder.authenticator.get(holder.request_options() | {"challenge": challenge})
    assert is_problem(holder.send(credential), 400, "passkey_invalid")


def test_sign_up_challenge_does_not_sign_in(holder):
    options = holder.request_options() | {"challenge": holder.sign_up_options()["challenge"]}
    assert is_problem(holder.send(holder.authenticator.get(options)), 400, "passkey_invalid")


def test_challenge_of_another_session_does_not_reauthenticate(holder):
    of_first = holder.authenticator.get(holder.reauthentication_options())
    holder.tokens = log_in(holder.client).json
    assert holder.reauthenticate(of_first).json["code"] == "passkey_invalid"
    assert holder.reauthenticate().status_code == 204


def test_sign_in_challenge_does_not_reauthenticate(holder):
    assert holder.reauthenticate(holder.assertion()).json["code"] == "passkey_invalid"


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8001",
        "https://localhost:8000",
        "http://evil.localhost:8000",
        "http://localhost:8000.evil.example",
        "http://localhost:8000/",
        "HTTP://LOCALHOST:8000",
        "null",
        "",
        "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_other_origin_is_rejected(holder, origin):
    assert is_problem(holder.sign_in(origin=origin), 400, "passkey_invalid")


@pytest.mark.parametrize("origin", [None, 1, ["http://localhost:8000"], {}, True])
def test_origin_of_another_type_is_rejected(holder, origin):
    assert is_problem(holder.sign_in(origin=origin), 400, "passkey_invalid")


@pytest.mark.parametrize("rp_id", ["evil.example", "LOCALHOST", "", "localhost.evil.example"])
def test_other_relying_party_is_rejected(holder, rp_id):
    assert is_problem(holder.sign_in(rp_id=rp_id or " "), 400, "passkey_invalid")


@pytest.mark.parametrize("kind", ["webauthn.create", "payment.get", "", None, 7])
def test_response_of_another_type_is_rejected(holder, kind):
    assert is_problem(holder.sign_in(type=kind), 400, "passkey_invalid")


@pytest.mark.parametrize(
    "said", [{"crossOrigin": True}, {"crossOrigin": "false"}, {"topOrigin": "https://evil.example"}]
)
def test_response_from_an_embedded_page_is_rejected(holder, said):
    assert is_problem(holder.sign_in(**said), 400, "passkey_invalid")


@pytest.mark.parametrize("flags", [UP, UV, 0, UP | BE | BS, UP | UV | BS])
def test_unverified_user_or_wrong_flags_are_rejected(holder, flags):
    assert is_problem(holder.sign_in(flags=flags), 400, "passkey_invalid")


def test_passkey_that_becomes_synced_is_rejected(holder):
    assert is_problem(holder.sign_in(flags=UP | UV | BE), 400, "passkey_invalid")


def test_user_handle_of_another_account_is_rejected(holder, other):
    foreign = other.authenticator.newest.user_handle
    assert is_problem(holder.sign_in(user_handle=foreign), 400, "passkey_invalid")


def test_missing_user_handle_is_rejected(holder):
    assert is_problem(holder.sign_in(omit_user_handle=True), 400, "passkey_invalid")


def test_signature_of_another_key_is_rejected(holder):
    mine = holder.authenticator.newest
    forged = Credential(mine.rp_id, mine.user_handle, Key(), mine.id)
    assert is_problem(holder.sign_in(credential=forged), 400, "passkey_invalid")


def test_own_key_under_the_id_of_another_passkey_is_rejected(holder, other):
    mine, foreign = other.authenticator.newest, holder.authenticator.newest
    swapped = Credential(mine.rp_id, foreign.user_handle, mine.key, foreign.id)
    assert is_problem(other.sign_in(credential=swapped), 400, "passkey_invalid")


def test_unknown_passkey_says_nothing_about_accounts(holder):
    handle = holder.authenticator.newest.user_handle
    unknown = Credential("localhost", handle, Key())
    known_handle = holder.sign_in(credential=unknown)
    assert is_problem(known_handle, 401, "passkey_unknown")
    nobodys = holder.sign_in(credential=Credential("localhost", b"n" * 16, Key()))
    assert known_handle.data == nobodys.data


@on_each_database
def test_removed_passkey_is_unknown(holder):
    assert holder.call("DELETE", f"/account/passkeys/{holder.passkeys()[0]['id']}").status_code == 204
    assert is_problem(holder.sign_in(), 401, "passkey_unknown")


@on_each_database
def test_passkey_of_a_disabled_account_is_rejected(app, holder):
    sql(app, "UPDATE accounts SET disabled_at = created_at")
    assert is_problem(holder.sign_in(), 401, "passkey_unusable")


def test_disabled_account_is_told_to_the_right_key_only(app, holder):
    sql(app, "UPDATE accounts SET disabled_at = created_at")
    mine = holder.authenticator.newest
    forged = Credential(mine.rp_id, mine.user_handle, Key(), mine.id)
    assert is_problem(holder.sign_in(credential=forged), 400, "passkey_invalid")


def test_passkey_of_an_account_due_for_deletion_is_rejected(holder, clock):
    assert holder.call("DELETE", "/account").status_code == 204
    clock.advance(days=8)
    assert is_problem(holder.sign_in(), 401, "passkey_unusable")


def test_purged_account_leaves_no_passkey(app, holder, auth, clock):
    holder.call("DELETE", "/account")
    clock.advance(days=8)
    auth.cleanup.run()
    assert sql(app, "SELECT count(*) FROM passkeys") == [(0,)]
    assert is_problem(holder.sign_in(), 401, "passkey_unknown")


@pytest.mark.settings(require_verified_email=True)
def test_unverified_account_is_like_an_unknown_passkey(client):
    """Otherwise a stranger would learn, by signing up with a passkey, whether the address had an account."""
    holder = PasskeyHolder(client)
    assert holder.sign_up_without_password().status_code == 202
    unverified = holder.sign_in()
    assert is_problem(unverified, 401, "passkey_unusable")
    unknown = holder.sign_in(credential=Credential("localhost", b"n" * 16, Key()))
    assert unknown.data == unverified.data


def test_options_write_no_row_however_often_asked(app, holder):
    tables = ("spent_challenges", "passkeys", "audit_events")
    before = [sql(app, f"SELECT count(*) FROM {table}") for table in tables]
    challenges = {holder.request_options()["challenge"] for _ in range(300)}
    challenges |= {holder.sign_up_options()["challenge"] for _ in range(300)}
    assert len(challenges) == 600
    assert [sql(app, f"SELECT count(*) FROM {table}") for table in tables] == before


@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("text", ["", "=", "a", "AAAA=", "A A A", "é", "\0", "A" * 20_000, "+/+/", "null"])
def test_malformed_member_is_rejected(holder, member, text):
    credential = holder.assertion()
    credential["response"][member] = text
    answer = holder.send(credential)
    assert answer.status_code == 400, answer.text
    assert answer.json["code"] in {"passkey_invalid", "invalid_input"}


@pytest.mark.parametrize(
    "client_data",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"{}", b"[" * 20_000, b'{"challenge": 1}', b'{"challenge": "="}'],
)
def test_malformed_client_data_is_rejected(holder, client_data):
    credential = holder.assertion()
    credential["response"]["clientDataJSON"] = encode(client_data) or "e30"
    assert is_problem(holder.send(credential), 400, "passkey_invalid")


ENDLESS = {
    "arrays in arrays": b"\x81" * 20_000,
    "an array that never ends": b"\x9f" * 20_000,
    "a map that never ends": b"\xbf" * 20_000,
    "a text of 2^63 bytes": b"\x7b\x7f" + b"\xff" * 7,
    "an array of 2^32 items": b"\x9b" + b"\0\0\0\1\0\0\0\0",
    "tags of tags": b"\xc0" * 20_000,
    "nothing": b"\xf6",
    "a huge number": cbor2.dumps(2**4_000),
}


@pytest.mark.parametrize("cbor", ENDLESS.values(), ids=ENDLESS)
def test_endless_cbor_is_rejected(holder, cbor):
    head = hashlib.sha256(b"localhost").digest()
    for data in (cbor, head + bytes([UP | UV | 64]) + bytes(4) + bytes(16) + b"\0\4abcd" + cbor):
        sign_in = holder.assertion()
        sign_in["response"]["authenticatorData"] = encode(data)
        assert is_problem(holder.send(sign_in), 400, "passkey_invalid")
        for attestation in (cbor, cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})):
            created = holder.authenticator.create(holder.creation_options())
            holder.authenticator.credentials.pop()
            created["response"]["attestationObject"] = encode(attestation)
            answer = holder.call("POST", "/account/passkeys", credential=created)
            assert is_problem(answer, 400, "passkey_invalid")


@on_each_database
def test_stranger_loses_a_planted_passkey_when_the_owner_claims(app, auth, mailbox):
    stranger = PasskeyHolder(app.test_client())
    assert stranger.sign_up_without_password().status_code == 201
    token = newest_token(auth, mailbox, "verify-email")
    assert stranger.client.post("/api/v1/verify-email/claim", json={"token": token}).status_code == 200
    assert is_problem(stranger.sign_in(), 401, "passkey_unknown")


@on_each_database
def test_stranger_loses_a_planted_passkey_when_the_owner_resets(app, auth, mailbox):
    """The owner of the mailbox finds the address taken and asks for a new password. The address was never verified."""
    stranger = PasskeyHolder(app.test_client())
    assert stranger.sign_up_without_password().status_code == 201
    stranger.client.post("/api/v1/forgot-password", json={"email": ANN["email"]})
    token = newest_token(auth, mailbox, "reset-password")
    body = {"reset_token": token, "password": "a new horse battery"}
    assert stranger.client.post("/api/v1/reset-password", json=body).status_code == 200
    assert is_problem(stranger.sign_in(), 401, "passkey_unknown")


@on_each_database
def test_not_me_removes_passkeys_of_the_last_seven_days(app, holder, auth, mailbox):
    update_rows(app, Passkey, created_at=datetime.now(UTC) - timedelta(days=7, minutes=1))
    assert holder.add_passkey().status_code == 201
    new, old = holder.authenticator.credentials[1], holder.authenticator.credentials[0]
    token = newest_token(auth, mailbox, "not-me")
    assert holder.client.post("/api/v1/not-me", json={"token": token}).status_code == 200
    assert is_problem(holder.sign_in(credential=new), 401, "passkey_unknown")
    assert holder.sign_in(credential=old).status_code == 200


@on_each_database
def test_undone_change_of_address_removes_the_passkey_of_the_thief(app, holder, auth, mailbox):
    thief = PasskeyHolder(app.test_client(), Authenticator(), tokens=holder.tokens)
    assert thief.add_passkey().status_code == 201
    answer = thief.call("PUT", "/account/email", email="thief@example.net", password=ANN["password"])
    assert answer.status_code == 202, answer.text
    token = newest_token(auth, mailbox, "confirm-email")
    assert thief.client.post("/api/v1/account/email/confirm", json={"token": token}).status_code == 200
    token = newest_token(auth, mailbox, "undo-email-change")
    assert holder.client.post("/api/v1/account/email/undo", json={"token": token}).status_code == 200
    assert is_problem(thief.sign_in(), 401, "passkey_unknown")


def test_failures_are_recorded(app, holder):
    make_admin(app)
    holder.sign_in(flags=UP)
    holder.sign_in(credential=Credential("localhost", b"n" * 16, Key()))
    path = "/api/v1/admin/audit?event=passkey.failed"
    events = holder.client.get(path, headers=bearer(holder.tokens["access_token"])).json["events"]
    assert [event["details"] for event in events] == [{"reason": "unknown"}, {"reason": "passkey_invalid"}]
    assert [event["account_id"] is None for event in events] == [True, False]
