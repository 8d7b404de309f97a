"""Clients of the two systems, as their own scripts were: plain HTTP, forms, cookies kept by hand."""

import pytest

from tests.conftest import package

BOB = {"email": "bob@hbtn.io", "password": "fake pwd"}


@pytest.fixture
def web(live_server):
    """`web("GET", "/api/v1/status")` over real HTTP; a redirect is not followed."""
    requests = package("requests")

    def call(method, path, **sent):
        return requests.request(method, live_server + path, timeout=20, allow_redirects=False, **sent)

    return call


@pytest.fixture
def bob(client):
    """Bob, who registered with the user service."""
    assert client.post("/users", data=BOB).status_code == 200
    return BOB


def said(answer):
    """The status and the JSON body."""
    return answer.status_code, answer.json()


def same(answer):
    """The same of an answer of the test client."""
    return answer.status_code, answer.get_json()
