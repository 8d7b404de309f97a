"""The classes of the exercises, used from Python as the exercises use them."""

import bcrypt
import pytest
from flask import request
from sqlalchemy.exc import InvalidRequestError, NoResultFound

from app.domain.accounts.model import Account
from app.web.compat.session_api.auth import Auth as PathAuth
from app.web.compat.session_api.session_auth import SessionAuth, SessionDBAuth, SessionExpAuth
from app.web.compat.user_service.auth import Auth, _generate_uuid, _hash_password
from app.web.compat.user_service.db import DB
from tests.support.api import sql

EMAIL, PASSWORD = "me@me.com", "mySecuredPwd"


@pytest.fixture(autouse=True)
def in_context(app):
    """A learner's script stands within an app context."""
    with app.app_context():
        yield


@pytest.fixture
def me():
    """A user."""
    return Auth().register_user(EMAIL, PASSWORD)


def test_a_user_is_added_and_found_by_each_column():
    user = DB().add_user("test@test.com", "SuperHashedPwd")
    assert DB().find_user_by(email="test@test.com", hashed_password="SuperHashedPwd") == user
    assert DB().find_user_by(id=user.id) == user
    assert DB().find_user_by() == user


def test_a_hash_that_the_exercise_made_fits():
    DB().add_user("test@test.com", bcrypt.hashpw(b"b4l0u", bcrypt.gensalt(4)).decode())
    assert [Auth().valid_login("test@test.com", password) for password in ("b4l0u", "b4l0v")] == [True, False]


def test_a_registered_password_is_bcrypt_until_the_first_login(me):
    assert bcrypt.checkpw(PASSWORD.encode(), me.hashed_password.encode())
    assert bcrypt.checkpw(PASSWORD.encode(), _hash_password(PASSWORD))
    assert Auth().log_in(EMAIL, PASSWORD)
    assert DB().find_user_by(id=me.id).hashed_password.startswith("$bcrypt-sha256$")
    assert Auth().valid_login(EMAIL, PASSWORD)


@pytest.mark.parametrize("password", ["x" * 71, "x" * 72, "x" * 73, "\N{GREEK SMALL LETTER OMEGA}" * 37, "a\0b"])
def test_every_byte_of_a_registered_password_counts(password):
    Auth().register_user(EMAIL, password)
    tried = (password + "x", password[:-1], password)
    assert [Auth().valid_login(EMAIL, each) for each in tried] == [False, False, True]


@pytest.mark.parametrize(
    "filters",
    [{"email": "test2@test.com"}, {"email": "x"}, {"id": None}, {"session_id": "x"}, {"reset_token": "x"},
     {"email": EMAIL, "hashed_password": "another"}],
)  # fmt: skip
@pytest.mark.usefixtures("me")
def test_filters_without_a_match_raise_no_result_found(filters):
    with pytest.raises(NoResultFound):
        DB().find_user_by(**filters)


def test_an_unknown_column_is_an_invalid_request():
    with pytest.raises(InvalidRequestError):
        DB().find_user_by(no_email="test@test.com")


def test_a_user_is_found_by_session_and_by_reset_token(me):
    session_id, token = Auth().create_session(EMAIL), Auth().get_reset_password_token(EMAIL)
    found = [DB().find_user_by(session_id=session_id), DB().find_user_by(reset_token=token, id=me.id)]
    assert [user.id for user in found] == [me.id, me.id]
    assert (found[0].session_id, found[1].reset_token) == (session_id, token)


def test_an_update_changes_what_it_names_and_gives_nothing(me):
    new = _hash_password("NewPwd").decode()
    assert DB().update_user(me.id, hashed_password=new, email="new@me.com") is None
    assert DB().find_user_by(id=me.id).hashed_password == new
    assert Auth().valid_login("new@me.com", "NewPwd")


@pytest.mark.parametrize("values", [{"no_email": "x"}, {"id": "x"}, {"session_id": "x"}, {"reset_token": "x"}])
def test_update_rejects_unknown_and_reserved_attributes(me, values):
    with pytest.raises(ValueError, match=next(iter(values))):
        DB().update_user(me.id, hashed_password="x", **values)
    assert DB().find_user_by(id=me.id) == me


def test_an_update_to_an_address_that_is_taken_is_refused(me):
    DB().add_user("test@test.com", "x")
    with pytest.raises(ValueError, match=r"test@test\.com already exists"):
        DB().update_user(me.id, email="test@test.com")


def test_an_update_to_none_ends_sessions_and_voids_tokens(me):
    session_id, token = Auth().create_session(EMAIL), Auth().get_reset_password_token(EMAIL)
    DB().update_user(me.id, session_id=None, reset_token=None)
    assert Auth().get_user_from_session_id(session_id) is None
    with pytest.raises(ValueError, match="already been used"):
        Auth().update_password(token, "x")


def test_an_address_changed_here_is_not_confirmed(app, auth, me):
    put_verified = "UPDATE accounts SET email_verified_at = '2026-01-01 00:00:00.000000'"
    sql(app, put_verified)
    DB().update_user(me.id, email="new@me.com")
    assert auth.compat.by_id(me.id).email_verified is False


def test_registered_user_has_a_hash_and_a_unique_address(me):
    assert (me.email, me.hashed_password != PASSWORD) == (EMAIL, True)
    with pytest.raises(ValueError, match=f"User {EMAIL} already exists"):
        Auth().register_user(EMAIL, PASSWORD)


@pytest.mark.usefixtures("me")
def test_valid_login_checks_user_and_password():
    tried = [(EMAIL, PASSWORD), (EMAIL, "WrongPwd"), ("unknown@email.com", PASSWORD), ("x", PASSWORD)]
    assert [Auth().valid_login(*one) for one in tried] == [True, False, False, False]


def test_sessions_are_created_found_and_destroyed(me):
    one, other = Auth().create_session(EMAIL), Auth().create_session(EMAIL)
    assert Auth().create_session("unknown@email.com") is None
    assert Auth().get_user_from_session_id(one).id == me.id
    assert [Auth().get_user_from_session_id(nothing) for nothing in (None, "", "x")] == [None, None, None]
    Auth().destroy_session(me.id, one)
    assert [bool(Auth().get_user_from_session_id(session)) for session in (one, other)] == [False, True]
    assert Auth().destroy_session(me.id) is None
    assert Auth().get_user_from_session_id(other) is None


def test_session_of_another_user_cannot_be_destroyed(me):
    session_id, stranger = Auth().create_session(EMAIL), DB().add_user("test@test.com", "x")
    Auth().destroy_session(stranger.id, session_id)
    assert Auth().get_user_from_session_id(session_id)


@pytest.mark.usefixtures("me")
def test_a_reset_token_updates_the_password_once():
    with pytest.raises(ValueError, match="unknown@email"):
        Auth().get_reset_password_token("unknown@email.com")
    token = Auth().get_reset_password_token(EMAIL)
    Auth().update_password(token, "x")
    assert Auth().valid_login(EMAIL, "x")
    for dead in (token, "nonsense"):
        with pytest.raises(ValueError, match="link"):
            Auth().update_password(dead, "y")


def test_hashes_are_bytes_with_a_salt_and_ids_are_uuids():
    assert isinstance(_hash_password("a"), bytes)
    assert _hash_password("a") != _hash_password("a")
    assert len({_generate_uuid(), _generate_uuid()}) == 2


@pytest.mark.parametrize(
    ("path", "excluded", "required"),
    [
        (None, ["/a/"], True), ("/a", None, True), ("/a", [], True), ("/a", ["/a/"], False), ("/a/", ["/a/"], False),
        ("/a/", ["/a"], False), ("/b", ["/a/"], True), ("/ab", ["/a/"], True), ("/stats", ["/stat*"], False),
        ("/users", ["/stat*"], True),
    ],
)  # fmt: skip
def test_a_path_needs_a_credential_unless_it_is_excluded(path, excluded, required):
    assert PathAuth().require_auth(path, excluded) is required


def test_base_class_has_no_current_user(app):
    with app.test_request_context(headers={"Authorization": "Test", "Cookie": "_my_session_id=Hello"}):
        assert PathAuth().authorization_header(request) == "Test"
        assert PathAuth().session_cookie(request) == "Hello"
        assert PathAuth().current_user(request) is None
    assert [PathAuth().authorization_header(), PathAuth().session_cookie(None)] == [None, None]


@pytest.mark.parametrize("kind", [SessionAuth, SessionExpAuth, SessionDBAuth])
def test_a_session_leads_to_its_user_until_it_is_destroyed(app, kind, me):
    sessions = kind()
    assert [sessions.create_session(nobody) for nobody in (None, 89)] == [None, None]
    one, other = sessions.create_session(me.id), sessions.create_session(me.id)
    assert [sessions.user_id_for_session_id(given) for given in (one, other, None, 89, "x")] == [
        me.id,
        me.id,
        *[None] * 3,
    ]
    with app.test_request_context(headers={"Cookie": f"_my_session_id={one}"}):
        assert sessions.current_user(request).id == me.id
        assert [sessions.destroy_session(request) for _ in range(2)] == [True, False]
        assert sessions.current_user(request) is None
    assert [sessions.destroy_session(), sessions.user_id_for_session_id(other)] == [False, me.id]


def test_database_sessions_need_an_existing_user():
    memory = SessionAuth()
    assert memory.user_id_for_session_id(memory.create_session("abcde")) == "abcde"
    assert SessionDBAuth().create_session("abcde") is None


def test_an_account_that_was_disabled_has_no_session(app, clock, me):
    session_id = Auth().create_session(EMAIL)
    sql(app, f"UPDATE {Account.__tablename__} SET disabled_at = '2026-01-01 00:00:00.000000'")
    assert (Auth().get_user_from_session_id(session_id), Auth().create_session(EMAIL)) == (None, None)
