"""Refusals and mistakes as problem documents."""

import logging
import re

import pytest
from flask import abort

from app import create_app
from app.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from app.web.errors import status_of
from config import load
from tests.support.api import is_problem

STATUS = {
    Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, Conflict: 409, RateLimited: 429,
    Unavailable: 503,
}  # fmt: skip


def every_refusal(kind=ServiceError):
    for child in kind.__subclasses__():
        yield child
        yield from every_refusal(child)


@pytest.fixture(scope="module")
def thrown():
    """What the route below raises next."""
    return []


@pytest.fixture(scope="module")
def client(thrown, tmp_path_factory):
    """A client of an app with a route that fails."""
    app = create_app(load({}, app_env="testing", instance_path=tmp_path_factory.mktemp("errors"), bcrypt_rounds=4))

    def fail():
        raise thrown[-1]

    app.add_url_rule("/fail", view_func=fail)
    app.add_url_rule("/abort/<int:code>", view_func=abort, endpoint="abort")
    return app.test_client()


@pytest.fixture
def raising(thrown, client):
    """The answer of a route in which this is raised."""

    def answer(error):
        thrown.append(error)
        return client.get("/fail")

    return answer


@pytest.mark.parametrize(("kind", "status"), STATUS.items())
def test_each_kind_of_refusal_has_its_status(raising, kind, status):
    assert is_problem(raising(kind()), status, kind.code)


def test_every_error_has_a_status_and_a_stable_code():
    refusals = [kind for kind in every_refusal() if kind.__name__ != "RetryLater"]
    assert [kind for kind in refusals if status_of(kind) not in STATUS.values()] == []
    assert [kind.code for kind in refusals if not kind.code.replace("_", "").isalpha()] == []


def test_no_two_refusals_of_different_kinds_share_a_code():
    statuses = {}
    for kind in every_refusal():
        if kind.__name__ != "RetryLater":
            statuses.setdefault(kind.code, set()).add(int(status_of(kind)))
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
def test_temporary_errors_say_when_to_retry(raising, kind):
    assert raising(kind(retry_after=7)).headers["Retry-After"] == "7"


def test_a_mistake_of_ours_is_a_problem_that_tells_nothing(raising):
    answer = raising(RuntimeError("the secret of the house"))
    assert is_problem(answer, 500, "internal_error")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert "secret" not in answer.text


def test_a_mistake_of_ours_is_noted(raising, caplog):
    with caplog.at_level(logging.ERROR):
        raising(RuntimeError("the secret of the house"))
    assert "the secret of the house" in caplog.text


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 409, 410, 413, 414, 415, 418, 429, 431, 500, 501, 503])
def test_every_http_error_is_a_problem(client, status):
    answer = client.get(f"/abort/{status}")
    assert is_problem(answer, status, answer.json["code"])


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 414, 415, 431])
def test_no_words_of_a_library_are_told(client, status):
    detail = client.get(f"/abort/{status}").json["detail"]
    assert not re.search(r"server could not|manually|requested URL|exceeds the capacity|URI|browser", detail)


@pytest.mark.parametrize(("status", "code"), [(413, "content_too_large"), (414, "uri_too_long")])
def test_a_code_does_not_depend_on_the_version_of_python(client, status, code):
    assert client.get(f"/abort/{status}").json["code"] == code
