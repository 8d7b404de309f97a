"""What a limited route answers to whoever calls it too often."""

import socket
import time
from functools import partial

import pytest

from app import create_app, migrate
from app.core.errors import RateLimited
from app.web.endpoint import Contract
from app.web.openapi import errors_of
from tests.support.api import credentials_for, is_problem, sign_up
from tests.support.apps import close
from tests.support.concurrency import together
from tests.web.api.routes import each_route

pytestmark = pytest.mark.settings(ratelimit_enabled=True)


def is_limited(contract):
    """Whether there is a limit."""
    return contract.limit is not None


@pytest.fixture
def spend(client, ann):
    """Call a route until it refuses; gives the refusal."""

    def call(method, path, contract, **origin):
        sent = {"data": b"{", "content_type": "application/json", "headers": credentials_for(contract, ann)}
        answers = (client.open(path, method=method, **sent, **origin) for _ in range(100))
        return next(answer for answer in answers if answer.status_code == 429)

    return call


@each_route(is_limited)
def test_it_is_told_when_to_come_back(spend, method, path, contract):
    refused = spend(method, path, contract)
    assert is_problem(refused, 429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 3_600


@each_route(is_limited)
def test_the_document_says_so(method, path, contract):
    assert RateLimited in errors_of(contract)


def test_one_caller_s_limit_is_not_another_s(client, spend):
    spend("POST", "/api/v1/forgot-password", Contract())
    other = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert client.post("/api/v1/forgot-password", json={"email": "ann@example.com"}, **other).status_code == 200


def test_who_claims_another_address_is_limited_all_the_same(client, ann):
    statuses = {
        client.post("/api/v1/forgot-password", json={}, headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code
        for number in range(30)
    }
    assert 429 in statuses


@pytest.fixture
def silent_redis():
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_silent_redis_makes_each_process_count_for_itself(silent_redis, settings):
    app = create_app(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{silent_redis}/0"}))
    migrate(app)
    began = time.monotonic()
    client = app.test_client()
    body = {"email": "ann@example.com"}
    found = [client.post("/api/v1/forgot-password", json=body).status_code for _ in range(21)]
    close(app)
    assert found == [200] * 20 + [429]
    assert time.monotonic() - began < 5


def test_many_who_miss_redis_at_once_are_all_served(silent_redis, settings):
    app = create_app(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{silent_redis}/0"}))
    migrate(app)
    ask = {"method": "POST", "path": "/api/v1/forgot-password", "json": {"email": "ann@example.com"}}
    answers = together([partial(app.test_client().open, **ask) for _ in range(10)])
    close(app)
    assert [answer.status_code for answer in answers] == [200] * 10


def statuses_of(client, path, body, count):
    return [client.post(f"/api/v1/{path}", json=body).status_code for _ in range(count)]


@pytest.mark.settings(ratelimit_reset_emails="2 per minute; 3 per day", ratelimit_credentials="3/hour")
def test_limit_is_the_one_in_the_settings(client):
    assert statuses_of(client, "forgot-password", {"email": "ann@example.com"}, 3) == [200, 200, 429]
    wrong = {"email": "ann@example.com", "password": "wrong"}
    assert statuses_of(client, "auth/login", wrong, 4) == [401, 401, 401, 429]
    refused = client.post("/api/v1/auth/login", json=wrong)
    assert refused.headers["RateLimit-Policy"] == '"address";q=3;w=3600'
    assert int(refused.headers["Retry-After"]) > 3_000


@pytest.mark.settings(ratelimit_guesses="5 per day; 2 per 5 minutes")
def test_limit_of_guesses_is_the_one_in_the_settings(client):
    found = statuses_of(client, "auth/login", {"email": "ann@example.com", "password": "wrong"}, 3)
    assert found == [401, 401, 429]


@pytest.mark.settings(email_burst=1, email_interval_minutes=5)
def test_limit_of_emails_is_the_one_in_the_settings(client, auth, clock, mailbox):
    sign_up(client, email="eve@example.com")
    for _ in range(3):
        client.post("/api/v1/forgot-password", json={"email": "eve@example.com"})
        auth.mail_delivery.deliver_due()
    assert [message.subject for message in mailbox.messages].count("Choose a new password") == 1
    clock.advance(minutes=5, seconds=1)
    auth.mail_delivery.deliver_due()
    assert [message.subject for message in mailbox.messages].count("Choose a new password") == 2
