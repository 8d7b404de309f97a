"""What each route answers when the database is gone."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.core.clock import Clock
from app.core.database import db
from app.current import auth_of
from app.domain.email_actions.model import Purpose
from app.domain.providers.model import ExternalIdentity, code_challenge_of
from app.domain.tokens.links import Links
from app.web.api.app_sign_in import AppCodeRequest
from app.web.api.providers import IdTokenRequest, ProviderCode
from app.web.guards import SignedInByCookie
from tests.support.api import is_problem
from tests.support.authenticator import Authenticator
from tests.web.api.routes import each_route, example, takes_body

PURPOSES = {
    "/api/v1/reset-password": Purpose.RESET_PASSWORD,
    "/api/v1/verify-email": Purpose.VERIFY_EMAIL,
    "/api/v1/account/email/confirm": Purpose.CHANGE_EMAIL,
    "/api/v1/verify-email/claim": Purpose.VERIFY_EMAIL,
    "/api/v1/account/email/undo": Purpose.UNDO_EMAIL_CHANGE,
    "/api/v1/account/factors/undo": Purpose.UNDO_SECOND_FACTOR,
    "/api/v1/auth/second-factor": "second-factor.pwd",
    "/api/v1/auth/second-factor/totp": "second-factor-enrolment.pwd",
    "/api/v1/auth/second-factor/totp/confirm": "second-factor-enrolment.pwd",
    "/api/v1/not-me": Purpose.SECURE_ACCOUNT,
    "/api/v1/auth/email/link": "sign-in",
    "/api/v1/auth/email/link/check": "sign-in",
    "/api/v1/auth/invitation/passkey": Purpose.RESET_PASSWORD,
    "/api/v1/auth/invitation/passkey/options": Purpose.RESET_PASSWORD,
}


def used_passkey(auth, authenticator):
    """The response to a sign-in with a passkey that does not exist."""
    authenticator.create(auth.passkey_sign_up.options("ann@example.com", None))
    return authenticator.get(auth.passkey_sign_in.options(None))


def provider_code(auth):
    """The body with our code of a sign-in with an identity provider."""
    identity = ExternalIdentity("work", "https://id.example.com", "1", None, False, None, None)
    verifier = "v" * 43
    code = auth.provider_sign_in.read_identity.make_code(identity, code_challenge_of(verifier))
    return {"code": code, "code_verifier": verifier}


def app_code(auth):
    """The body with our code of a sign-in on our pages."""
    verifier = "v" * 43
    kept = {"session": "a", "challenge": code_challenge_of(verifier), "ends": True}
    return {"code": auth.app_sign_in.sealed.seal("app-code", kept, timedelta(minutes=1)), "code_verifier": verifier}


CODES = {ProviderCode: provider_code, AppCodeRequest: app_code}
PASSKEY_RESPONSES = {
    "/api/v1/auth/passkey": used_passkey,
    "/api/v1/auth/passkey/sign-up": lambda auth, authenticator: authenticator.create(
        auth.passkey_sign_up.options("ann@example.com", None)
    ),
}
REMEMBERED = {"/.well-known/jwks.json"}  # keys that were read a moment ago are shown again


def answers_without_a_database(contract):
    """Whether the route may answer though the database is gone; tests/web/api/providers has those of browsers."""
    return not contract.needs_database and not contract.navigated


@pytest.fixture(scope="module")
def cut_off(shared):
    """The shared app, its database gone."""
    shared.client.get("/.well-known/jwks.json")
    with shared.app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
            sa.event.listen(engine, "do_connect", unreachable)
    return shared


def unreachable(dialect, *_):
    raise dialect.dbapi.OperationalError("gone")


def body_for(contract, app, path):
    """The example, with a link that is signed as it should be."""
    if not takes_body(contract):
        return {}
    links = Links((app.config["SECRET_KEY"],), Clock())
    until = datetime.now(UTC) + timedelta(hours=1)
    link = links.sign(PURPOSES.get(path, ""), account_id="a", state=1, expires_at=until)
    if path in PASSKEY_RESPONSES:
        with app.app_context():
            return {"json": example(contract) | {"credential": PASSKEY_RESPONSES[path](auth_of(app), Authenticator())}}
    if contract.takes in CODES:
        with app.app_context():
            return {"json": CODES[contract.takes](auth_of(app))}
    return {"json": {name: link if name.endswith("token") else value for name, value in example(contract).items()}}


def asks_the_database(contract):
    """Whether each call does; what reads a cookie and knows the keys need not, and an ID token needs a provider."""
    return (
        contract.needs_database
        and not isinstance(contract.who, SignedInByCookie)
        and contract.takes is not IdTokenRequest
    )


@each_route(asks_the_database)
def test_routes_without_a_database_answer_503_with_retry_after(cut_off, method, path, contract):
    answer = cut_off.call(method, path, contract, **body_for(contract, cut_off.app, path))
    if path in REMEMBERED and answer.status_code == 200:
        return
    assert is_problem(answer, 503, "not_ready" if path == "/readyz" else "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@each_route(answers_without_a_database)
def test_what_needs_no_database_answers_without_one(cut_off, method, path, contract):
    body = body_for(contract, cut_off.app, path)
    assert cut_off.call(method, path, contract, **body).status_code == contract.status
