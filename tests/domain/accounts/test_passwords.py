"""How passwords are stored and compared."""

import base64
import hashlib
import hmac
import re
import unicodedata

import bcrypt
import pytest

from app.domain.accounts.breached_passwords import BreachedPasswords
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.passwords import MAX_LENGTH, Passwords, PasswordTooLong, PasswordTooShort
from tests.support.api import log_in, sign_up, sql

FORMAT = re.compile(r"\$bcrypt-sha256\$v=2,t=2b,r=(\d+)\$(.{22})\$(.{31})")
OF_PASSLIB = {
    "": "$bcrypt-sha256$v=2,t=2b,r=5$E/e/2AOhqM5W/KJTFQzLce$WFPIZKtDDTriqWwlmRFfHiOTeheAZWe",
    "password": "$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS",
}
ANN = "ann@example.com"
SEVENTY_TWO = "x" * 72


def by_the_definition_of_passlib(password, kept):
    """Whether `kept` is the hash of `password`: bcrypt over base64 of HMAC-SHA-256, keyed with the salt."""
    rounds, salt, digest = FORMAT.fullmatch(kept).groups()
    condensed = base64.b64encode(hmac.new(salt.encode(), password.encode(), hashlib.sha256).digest())
    return bcrypt.hashpw(condensed, f"$2b${int(rounds):02d}${salt}".encode())[-31:] == digest.encode()


@pytest.fixture
def passwords():
    return Passwords(rounds=4, min_length=8, slots=HashSlots(2, queue=8), breached_passwords=BreachedPasswords(""))


@pytest.mark.parametrize(
    "password", ["correct horse", SEVENTY_TWO, SEVENTY_TWO + "x", "x" * 1_000, "a\0b", "\0" * 8, "🔑" * 30]
)
def test_a_password_matches_itself_and_nothing_near(passwords, password):
    kept = passwords.hash(password)
    near = [password + "x", password[:-1], password.swapcase() + "!", password.replace("\0", "\1") + " ", ""]
    assert passwords.matches(password, kept)
    assert [other for other in near if passwords.matches(other, kept)] == []


def test_passwords_that_differ_after_72_bytes_differ(passwords):
    assert not passwords.matches(SEVENTY_TWO + "b", passwords.hash(SEVENTY_TWO + "a"))


def test_passwords_that_differ_after_a_nul_differ(passwords):
    assert not passwords.matches("horse\0b", passwords.hash("horse\0a"))


def test_composed_and_decomposed_characters_are_the_same(passwords):
    composed, decomposed = (unicodedata.normalize(form, "pässwörd é") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert passwords.matches(decomposed, passwords.hash(composed))


@pytest.mark.parametrize("password", ["correct horse", SEVENTY_TWO + "x", "a\0b", "pässwörd", "🔑" * 30])
def test_what_is_kept_is_what_passlib_calls_bcrypt_sha256(passwords, password):
    assert by_the_definition_of_passlib(password, passwords.hash(password))


@pytest.mark.parametrize(("password", "kept"), OF_PASSLIB.items())
def test_hashes_that_passlib_made_match(passwords, password, kept):
    assert by_the_definition_of_passlib(password, kept)
    assert passwords.matches(password, kept)


def test_no_two_hashes_are_alike(passwords):
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_the_cost_is_the_setting(passwords):
    assert FORMAT.fullmatch(passwords.hash("correct horse")).group(1) == "4"


@pytest.mark.parametrize(
    "kept", ["", "x", "$2b$04$" + "a" * 53, "plain", OF_PASSLIB["password"][:-1], OF_PASSLIB["password"] + "x"]
)
def test_a_hash_of_another_form_matches_nothing(passwords, kept):
    assert not passwords.matches("password", kept)


def test_nothing_kept_matches_nothing_after_the_same_work(passwords, monkeypatch):
    worked = []
    work = bcrypt.hashpw
    monkeypatch.setattr(bcrypt, "hashpw", lambda password, salt: worked.append(salt[:7]) or work(password, salt))
    assert not passwords.matches("correct horse", None)
    assert worked == [b"$2b$04$"]


def test_length_is_counted_in_characters_a_person_would_count(passwords):
    decomposed = unicodedata.normalize("NFD", "ü" * 7)
    with pytest.raises(PasswordTooShort):
        passwords.accept(decomposed, ANN)
    passwords.accept("ü" * 8, ANN)


@pytest.mark.parametrize("password", ["        ", "zzzzzzzzzzzzz", "пароль на память", "🔑🔒🗝🔐🚪🏠🪟🧱"])
def test_no_kind_of_character_is_asked_for(passwords, password):
    passwords.accept(password, ANN)
    with pytest.raises(PasswordTooLong):
        passwords.accept("x" * (MAX_LENGTH + 1), ANN)


def test_an_endless_password_costs_no_hash(passwords, monkeypatch):
    monkeypatch.setattr(bcrypt, "hashpw", lambda *_: pytest.fail("it was hashed"))
    assert not passwords.matches("x" * (MAX_LENGTH + 1), OF_PASSLIB["password"])


def test_a_cheaper_or_dearer_or_foreign_hash_is_outdated(passwords):
    kept = [OF_PASSLIB["password"], "$2b$04$" + "a" * 53, passwords.hash("correct horse")]
    assert [passwords.is_outdated(one) for one in kept] == [True, True, False]


@pytest.mark.parametrize(
    "password", [SEVENTY_TWO, SEVENTY_TWO + "x", "x" * 1_000, "horse\0battery", "pässwörd é", "🔑" * 30]
)
def test_a_password_of_any_shape_signs_in(client, password):
    sign_up(client, password=password)
    assert log_in(client, password=unicodedata.normalize("NFD", password)).status_code == 200
    assert log_in(client, password=password[:-1]).status_code == 401


def test_an_outdated_hash_is_made_stronger_at_sign_in(each_app, client):
    sign_up(client)
    cheap = OF_PASSLIB["password"]
    sql(each_app, "UPDATE accounts SET password_hash = :cheap", cheap=cheap)
    assert log_in(client, password="password").status_code == 200
    [(kept,)] = sql(each_app, "SELECT password_hash FROM accounts")
    assert kept.startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert by_the_definition_of_passlib("password", kept)


def test_a_wrong_password_leaves_an_outdated_hash_alone(app, client):
    sign_up(client)
    sql(app, "UPDATE accounts SET password_hash = :cheap", cheap=OF_PASSLIB["password"])
    log_in(client, password="passwort")
    assert sql(app, "SELECT password_hash FROM accounts") == [(OF_PASSLIB["password"],)]
