"""What a limited route answers to whoever calls it too often."""

import pytest

from app.core.errors import TooMany
from app.web.endpoint import Contract
from app.web.openapi import refusals_of
from tests.web.api.acts import credentials_for, is_problem
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
    assert TooMany in refusals_of(contract)


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
