"""Ada, who administers, and Bob, who does not."""

import pytest

from tests.support.api import bearer, make_admin, me, sign_up

USERS = "/api/v1/admin/users"


class Desk:
    """An administrator's desk: `desk.get("users")`, `desk.post("users", email=...)`."""

    def __init__(self, app, tokens):
        self.app, self.client, self.tokens = app, app.test_client(), tokens

    def call(self, method, path, **body):
        headers = bearer(self.tokens["access_token"])
        return self.client.open(f"/api/v1/admin/{path}", method=method, json=body or None, headers=headers)

    def get(self, path, **query):
        headers = bearer(self.tokens["access_token"])
        return self.client.get(f"/api/v1/admin/{path}", query_string=query, headers=headers)

    def post(self, path, **body):
        return self.call("POST", path, **body)

    def put(self, path, **body):
        headers = bearer(self.tokens["access_token"])
        return self.client.put(f"/api/v1/admin/{path}", json=body, headers=headers)

    def delete(self, path):
        return self.call("DELETE", path)


class Person:
    """Somebody with an account."""

    def __init__(self, client, email):
        self.email, self.tokens = email, sign_up(client, email=email)
        self.id = me(client, self.tokens).json["id"]


@pytest.fixture
def ada(client):
    return Person(client, "ada@example.com")


@pytest.fixture
def desk(app, ada):
    make_admin(app, ada.email)
    return Desk(app, ada.tokens)


@pytest.fixture
def bob(client):
    return Person(client, "bob@example.com")
