"""Answers of authenticators with a few bytes changed: every one is rejected, and none is an error of ours."""

import random
from collections import Counter

import cbor2
import pytest

from app.core.base64url import decode, encode
from tests.support.authenticator import EDDSA, ES256, RS256, Authenticator, Key
from tests.support.passkey_holder import PasskeyHolder
from tests.support.profile import long, sized

MUTATED = sized(240, 10_000)  # of both kinds and all algorithms together
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x9F, 0xBF, 0xF6, 0xA1, 0x81)


def mutate(chance, data):
    """Some bytes replaced, removed, inserted, repeated or cut off. Never the same as before."""
    while True:
        changed = bytearray(data)
        for _ in range(chance.choice([1, 1, 1, 2, 8])):
            at = chance.randrange(len(changed)) if changed else 0
            match chance.randrange(6):
                case 0:
                    changed[at : at + 1] = bytes([chance.choice(INTERESTING)])
                case 1:
                    changed[at : at + 1] = bytes([chance.randrange(256)])
                case 2:
                    del changed[at : at + chance.choice([1, 2, 16])]
                case 3:
                    changed[at:at] = chance.randbytes(chance.choice([1, 2, 16]))
                case 4:
                    changed[at:at] = changed[at : at + 8]
                case 5:
                    del changed[at:]
        if bytes(changed) != bytes(data):
            return bytes(changed)


def mutated(chance, credential, members):
    """A credential with one of these members changed."""
    copy = {**credential, "response": dict(credential["response"])}
    name = chance.choice(members)
    where = copy if name == "rawId" else copy["response"]
    if chance.random() < 0.1:  # the text itself, so that it is perhaps no base64url any more
        where[name] = mutate(chance, where[name].encode()).decode("latin-1")
    else:
        where[name] = encode(mutate(chance, decode(where[name])))
    if name == "rawId":
        copy["id"] = copy["rawId"]
    return copy


@long
@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_mutated_answers_are_rejected(client, algorithm):
    chance, answers = random.Random(algorithm), Counter()
    holder = PasskeyHolder(client, Authenticator(algorithm)).sign_up()
    signed = holder.assertion()
    registered = holder.authenticator.create(holder.creation_options(), self_attested=True)
    for _ in range(MUTATED // 6 + 1):
        answer = holder.send(
            mutated(chance, signed, ["rawId", "clientDataJSON", "authenticatorData", "signature", "userHandle"])
        )
        answers[answer.status_code, answer.json["code"]] += 1
        changed = mutated(chance, registered, ["rawId", "clientDataJSON", "attestationObject"])
        answer = holder.call("POST", "/account/passkeys", credential=changed)
        answers[answer.status_code, answer.json.get("code")] += 1
    assert {status for status, _ in answers} <= {400, 401}, answers
    assert len(holder.passkeys()) == 1
    assert holder.send(signed).status_code == 200
    assert holder.call("POST", "/account/passkeys", credential=registered).status_code == 201


@long
@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_unsigned_registration_stores_what_it_says_or_nothing(client, algorithm):
    """Without a signature the account may register any key: what must not happen is an error of ours."""
    chance, answers = random.Random(algorithm), Counter()
    holder, key = PasskeyHolder(client, Authenticator(algorithm)).sign_up(), Key(algorithm)
    for _ in range(MUTATED // 30):
        registered = holder.authenticator.create(holder.creation_options(), key=key)
        holder.authenticator.credentials.pop()
        made = cbor2.loads(decode(registered["response"]["attestationObject"]))
        made["authData"] = mutate(chance, made["authData"])
        registered["response"]["attestationObject"] = encode(cbor2.dumps(made))
        answer = holder.call("POST", "/account/passkeys", credential=registered)
        answers[answer.status_code] += 1
        if answer.status_code == 201:
            assert holder.call("DELETE", f"/account/passkeys/{answer.json['id']}").status_code == 204
    assert answers.keys() <= {201, 400}, answers
    assert holder.sign_in().status_code == 200
