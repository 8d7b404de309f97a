"""Routes of a host application that stand under flask-jwt-extended's own decorators."""

import pytest
from flask_jwt_extended import create_access_token, jwt_required

from tests.support.api import bearer, sign_up

pytestmark = pytest.mark.own_app


@pytest.fixture
def host_route(app):
    """A route of a host application, under flask-jwt-extended's own decorator."""
    app.add_url_rule("/theirs", view_func=jwt_required()(lambda: {"whose": "theirs"}))
    return "/theirs"


def test_flask_jwt_extended_lets_our_access_token_in(client, host_route):
    answer = client.get(host_route, headers=bearer(sign_up(client)["access_token"]))
    assert answer.json == {"whose": "theirs"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_flask_jwt_extended_refuses_in_our_words(client, host_route, headers):
    answer = client.get(host_route, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="latchkey"')
    assert answer.mimetype == "application/problem+json"


def test_flask_jwt_extended_lets_no_refresh_token_in(client, host_route):
    assert client.get(host_route, headers=bearer(sign_up(client)["refresh_token"])).status_code == 401


def test_flask_jwt_extended_issues_no_token_without_a_session(app):
    with app.app_context(), pytest.raises(RuntimeError, match="session"):
        create_access_token("ann")
