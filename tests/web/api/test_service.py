"""What machines ask: keys and health."""

import jwt
import pytest
import sqlalchemy as sa

from app.core.database import db
from tests.support.api import is_problem

AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"


def test_access_token_is_verified_with_the_published_keys(client, ann, settings):
    keys = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json)
    key = keys[jwt.get_unverified_header(ann["access_token"])["kid"]]
    claims = jwt.decode(
        ann["access_token"], key, algorithms=[key.algorithm_name], audience="latchkey", issuer=settings.public_url
    )
    assert {"sub", "sid", "jti", "iat", "nbf", "exp"} <= claims.keys()


def test_the_key_set_tells_nothing_private(client):
    keys = client.get("/.well-known/jwks.json").json["keys"]
    assert [key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in keys] == [set()]


def test_the_process_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")


def test_the_process_is_ready(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["checks"]["database"]) == (200, "ok")


@pytest.mark.settings(database_url=AWAY)
def test_without_a_database_the_process_is_alive_and_not_ready(client):
    answer = client.get("/readyz")
    assert is_problem(answer, 503, "not_ready")
    assert ("database" in answer.json["detail"], client.get("/healthz").status_code) == (True, 200)


def test_a_database_that_comes_back_is_found_again(app, client):
    with app.app_context():
        engines = [*db.engines.values()]
    for engine in engines:
        sa.event.listen(engine, "do_connect", unreachable)
        engine.dispose()
    assert client.get("/readyz").status_code == 503
    for engine in engines:
        sa.event.remove(engine, "do_connect", unreachable)
    assert client.get("/readyz").status_code == 200


def unreachable(dialect, *_):
    """Stands in for a server that is gone."""
    raise dialect.dbapi.OperationalError("gone")
