"""Sign-in with a provider while the database is gone, or with a body that is too large."""

import pytest
import sqlalchemy as sa

from app.core.database import db
from tests.support.api import is_problem
from tests.support.provider_visitor import AUTH

pytestmark = pytest.mark.own_app


def unreachable(dialect, *_):
    raise dialect.dbapi.OperationalError("gone")


@pytest.fixture
def without_database(app, visitor):
    """Ends all connections, and allows no new one."""
    visitor.redeem("warm-up")
    visitor.send_id_token("warm-up", None)
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
            sa.event.listen(engine, "do_connect", unreachable)
    return app


def test_browser_is_led_there_and_back_without_a_database(visitor, without_database):
    assert visitor.sign_in_there().headers["Location"].startswith("https://app.example.com/signed-in?code=")
    assert visitor.client.get(f"{AUTH}/providers").status_code == 200
    assert len(visitor.new_nonce()) == 48


def test_tokens_need_the_database(visitor, without_database, lying):
    code, nonce = visitor.code(), visitor.new_nonce()
    lying.claims = {}
    for answer in (visitor.redeem(code), visitor.send_id_token(lying.id_token(nonce), nonce)):
        assert is_problem(answer, 503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0


def test_large_form_is_refused_at_the_callback(client):
    for form in ({"code": "x" * 70_000}, {"other": "x" * 70_000}, {f"m{number}": "" for number in range(20_000)}):
        answer = client.post(f"{AUTH}/providers/work/callback", data=form)
        assert is_problem(answer, 413, "content_too_large")


def test_repeated_members_are_refused_at_the_callback(client):
    answer = client.post(f"{AUTH}/providers/work/callback", data={"code": ["a", "b"]})
    assert is_problem(answer, 400, "invalid_input")
