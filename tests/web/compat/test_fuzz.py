"""Requests made up from the document: none breaks the wing, and every answer is one it documented."""

import pytest

from app import create_app
from app.web.compat.contract import SESSION_API, USER_SERVICE
from config import load
from tests.conftest import package
from tests.support.apps import close
from tests.support.profile import long
from tests.test_fuzz import throw
from tests.web.compat.conftest import BOB

schemathesis = package("schemathesis")
pytestmark = long
TAGS = {name.replace("_", "-") for name in (SESSION_API, USER_SERVICE)}


@pytest.fixture(scope="module")
def app(databases, tmp_path_factory):
    """One app for all that is thrown at it."""
    folder = tmp_path_factory.mktemp("fuzz")
    app = create_app(load(
        {}, app_env="testing", instance_path=folder, database_url=databases.copy(folder), bcrypt_rounds=4,
        ratelimit_enabled=False, hash_slots=64, mail_deliverer="off", compat_api=True, auth_type="session_auth",
    ))  # fmt: skip
    yield app
    close(app)


@pytest.fixture(scope="module")
def operations(app):
    """Every operation of the wing."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if TAGS & set(operation.definition.raw["tags"])]


def logged_in(app, email):
    """A header with the cookies of both systems."""
    client, form = app.test_client(), BOB | {"email": email}
    for path in ("/users", "/sessions", "/api/v1/auth_session/login"):
        assert client.post(path, data=form).status_code == 200
    cookies = (client.get_cookie(name) for name in ("session_id", "_my_session_id"))
    return {"Cookie": "; ".join(f"{cookie.key}={cookie.value}" for cookie in cookies)}


def test_random_anonymous_requests_get_documented_answers(app, operations):
    assert len(operations) == 18
    for operation in operations:
        throw(operation, app, {})


def test_random_requests_of_a_user_get_documented_answers(app, operations):
    for number, operation in enumerate(operations):
        throw(operation, app, logged_in(app, f"bob.{number}@hbtn.io"))
