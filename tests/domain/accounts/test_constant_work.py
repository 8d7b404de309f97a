"""Checking a password takes the work of one hash at the current cost, with any stored hash."""

import bcrypt
import pytest
from werkzeug.security import generate_password_hash

from app.domain.accounts.breached_passwords import BreachedPasswords
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.passwords import Passwords, _hash

ROUNDS = 9
OWN = {
    "no account": None,
    "none": None,
    "no hash": "nonsense",
    "today's cost": _hash("correct horse", ROUNDS),
    "an earlier cost": _hash("correct horse", 5),
    "the lowest cost": _hash("correct horse", 4),
}
FOREIGN = {
    "cheap bcrypt": bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode(),
    "cheap PBKDF2": generate_password_hash("correct horse", "pbkdf2:sha256:1"),
    "cheap scrypt": generate_password_hash("correct horse", "scrypt:256:8:1"),
    "bcrypt with a salt that is none": "$2b$04$" + "a" * 53,
    "scrypt with a cost that is none": "scrypt:3:8:1$salt$00",
    "PBKDF2 with more rounds than fit": "pbkdf2:sha256:99999999999999999999$salt$00",
}


@pytest.fixture(scope="module")
def passwords():
    return Passwords(rounds=ROUNDS, min_length=8, slots=HashSlots(1, queue=8), breached_passwords=BreachedPasswords(""))


@pytest.fixture
def costs(monkeypatch):
    """The cost of each hash that `hashpw` made."""
    made, hashpw = [], bcrypt.hashpw
    monkeypatch.setattr(bcrypt, "hashpw", lambda secret, salt: made.append(int(salt[4:6])) or hashpw(secret, salt))
    return made


@pytest.mark.parametrize("password", ["correct horse", "wrong horse"])
@pytest.mark.parametrize("kept", OWN.values(), ids=OWN)
def test_own_hashes_of_any_cost_take_the_same_work(passwords, costs, kept, password):
    passwords.matches(password, kept)
    assert sum(2**cost for cost in costs) == 2**ROUNDS


@pytest.mark.parametrize("password", ["correct horse", "wrong horse"])
@pytest.mark.parametrize("kept", FOREIGN.values(), ids=FOREIGN)
def test_what_a_foreign_hash_leaves_is_filled(passwords, costs, kept, password):
    passwords.matches(password, kept)
    assert 0.85 <= sum(2**cost for cost in costs) / 2**ROUNDS <= 1


def test_a_foreign_hash_that_takes_long_is_filled_with_less(passwords, costs):
    half = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(ROUNDS - 1)).decode()
    costs.clear()
    assert passwords.matches("correct horse", half)
    assert sum(2**cost for cost in costs) / 2**ROUNDS <= 0.85


@pytest.mark.parametrize(
    "make", [lambda: _hash("x", ROUNDS + 1), lambda: generate_password_hash("x", "scrypt:4096:8:1")]
)
def test_an_operator_is_told_once_of_costlier_hashes(caplog, make):
    passwords = Passwords(rounds=4, min_length=8, slots=HashSlots(1, queue=8), breached_passwords=BreachedPasswords(""))
    for kept in (make(), make()):
        assert passwords.matches("x", kept)
    assert caplog.text.count("raise BCRYPT_ROUNDS") == 1
