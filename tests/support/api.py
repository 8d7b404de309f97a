"""Calls of the API, one function each, and functions that read and change the tables."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.core.database import db
from app.domain.accounts.model import Account

PASSWORD = "correct horse battery"
NEW = "a new horse battery"
ANN = {"email": "ann@example.com", "password": PASSWORD}


def bearer(token):
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def credentials_for(contract, tokens):
    """The headers that a route's guard accepts."""
    name = {"bearerAuth": "access_token", "refreshToken": "refresh_token"}.get(contract.who.scheme)
    return bearer(tokens[name]) if name else {}


def make_admin(app, email=ANN["email"]):
    """Give an account the admin role."""
    sql(app, "UPDATE accounts SET roles = 'admin' WHERE email = :email", email=email)


def sign_up(client, **changes):
    """The tokens of a new account: Ann's, or the one that `changes` names."""
    answer = client.post("/api/v1/auth/signup", json=ANN | changes)
    assert answer.status_code == 201, answer.text
    return answer.json


def log_in(client, **changes):
    """The answer to a sign-in."""
    return client.post("/api/v1/auth/login", json=ANN | changes)


def me(client, tokens):
    """The answer to `GET /account`."""
    return client.get("/api/v1/account", headers=bearer(tokens["access_token"]))


def refresh(client, tokens):
    """The answer to a refresh."""
    return client.post("/api/v1/auth/refresh", headers=bearer(tokens["refresh_token"]))


def log_out(client, tokens, scope="this"):
    """The answer to a sign-out."""
    return client.post(f"/api/v1/auth/logout?scope={scope}", headers=bearer(tokens["access_token"]))


def forgot_password(client, email=ANN["email"]):
    """The answer to a request for a password reset."""
    return client.post("/api/v1/forgot-password", json={"email": email})


def reset(client, token, password=NEW):
    """The answer to a new password."""
    return client.post("/api/v1/reset-password", json={"reset_token": token, "password": password})


def is_problem(answer, status, code):
    """Whether the answer is a complete problem document of this status and code that must not be cached."""
    body = answer.get_json(force=True)
    return (
        (answer.status_code, answer.mimetype, answer.headers["Cache-Control"])
        == (status, "application/problem+json", "no-store")
        and body.keys() - {"errors", "request_id"} == {"type", "title", "status", "detail", "code"}
        and (body["status"], body["code"]) == (status, code)
    )


def headers_of(answer):
    """All headers but the one that differs with each request."""
    return [(name, value) for name, value in answer.headers if name != "X-Request-ID"]


def sql(app, statement, **values):
    """Run one statement; its rows, if it gives any."""
    with app.app_context(), db.engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def update_rows(app, model, **values):
    """Write these values into every row of a table."""
    with app.app_context(), db.engines["autocommit"].connect() as connection:
        connection.execute(sa.update(model).values(**values))


def dump_tables(app):
    """The rows of every table."""
    with app.app_context(), db.engine.connect() as connection:
        tables = db.metadata.sorted_tables
        return {table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in tables}


def open_account(app, account_id):
    """Insert an account with this id and no password."""
    now = datetime.now(UTC)
    address = f"{account_id}@example.com"
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.insert(Account).values(
            id=account_id, email=address, email_canonical=address, password_hash="!", roles="", credentials_version=0,
            created_at=now, updated_at=now,
        ))  # fmt: skip
