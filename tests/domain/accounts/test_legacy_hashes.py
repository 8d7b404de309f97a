"""Hashes of imported accounts work, and are replaced at the next sign-in."""

import bcrypt
import pytest
from werkzeug.security import generate_password_hash

from app.domain.accounts.legacy_hashes import is_legacy, matches_legacy
from tests.support.api import PASSWORD, log_in, sign_up, sql

LONG = "x" * 80


def plain_bcrypt(password, prefix=b"2b"):
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4, prefix)).decode()


MADE = {
    "bcrypt 2b": plain_bcrypt,
    "bcrypt 2a": lambda password: plain_bcrypt(password, b"2a"),
    "bcrypt 2y": lambda password: plain_bcrypt(password).replace("$2b$", "$2y$"),
    "pbkdf2": lambda password: generate_password_hash(password, "pbkdf2:sha256:1000"),
    "scrypt": lambda password: generate_password_hash(password, "scrypt:1024:8:1"),
}
each_format = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


@each_format
def test_legacy_hash_is_replaced_after_login(app, client, make):
    sign_up(client)
    sql(app, "UPDATE accounts SET password_hash = :kept", kept=make(PASSWORD))
    assert log_in(client, password="another horse battery").status_code == 401
    assert log_in(client).status_code == 200
    assert sql(app, "SELECT password_hash FROM accounts")[0][0].startswith("$bcrypt-sha256$")
    assert log_in(client).status_code == 200


@each_format
def test_a_long_password_fits_as_it_did_there(make):
    kept = make(LONG)
    assert is_legacy(kept)
    assert matches_legacy(LONG, kept)
    assert not matches_legacy("y" + LONG[1:], kept)


@pytest.mark.parametrize(
    "kept", ["", "!", "plain", "pbkdf2:md5:1$salt$00", "$2b$04$short", "sha1$salt$00", "$bcrypt-sha256$v=2,t=2b,r=5$x"]
)
def test_nothing_else_passes_for_one(kept):
    assert not is_legacy(kept)


def test_what_only_looks_like_one_matches_nothing():
    assert not matches_legacy("password", "$2b$04$" + "a" * 53)
