"""Every route under a contract, as the URL map has it when the tests are collected."""

import re
from uuid import UUID

import pytest
from pydantic import ValidationError

from app import create_app
from app.web.guards import Administrator, HasRefreshToken, HasToken, MaybeSignedIn, SignedInByCookie
from app.web.openapi import contracts
from config import load, new_signing_key

SOMEBODY = str(UUID(int=7))
SOMETHING = "777777777"
DOCUMENTED = {}  # each path as the document has it, with braces


def _routes():
    settings = load(
        {}, app_env="testing", secret_key="a secret for looking at our routes", signing_key=new_signing_key(),
        database_url="sqlite:////nowhere/latchkey.db", bcrypt_rounds=4,
    )  # fmt: skip
    for rule, contract in contracts(create_app(settings)):
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            path = re.sub(r"<[^>]+>", SOMEBODY, re.sub(r"<int[^>]+>", SOMETHING, rule.rule))
            DOCUMENTED[path] = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
            yield method, path, contract


ROUTES = list(_routes())
PATHS = sorted({path for _, path, _ in ROUTES})


def each_route(choose=lambda contract: True):
    """Parametrise a test over `method`, `path` and `contract` of the routes whose contract is chosen."""
    chosen = [pytest.param(*route, id=f"{route[0]} {route[1]}") for route in ROUTES if choose(route[2])]
    return pytest.mark.parametrize(("method", "path", "contract"), chosen)


def takes_body(contract):
    """Whether the route has a body of JSON."""
    return contract.takes is not None and not contract.form


def may_be_empty(contract):
    """Whether the route has a body, every member of which may be left out."""
    try:
        return takes_body(contract) and contract.takes.model_validate({}) is not None
    except ValidationError:
        return False


def is_for(scheme):
    """Chooses the routes that this security scheme guards."""
    return lambda contract: contract.who.scheme == scheme


def takes_access_tokens_only(contract):
    """Whether an access token is needed, and a refresh token is not enough."""
    return contract.who.scheme == "bearerAuth" and not isinstance(contract.who, HasToken)


def is_guarded(contract):
    """Whether the route turns strangers away."""
    return contract.who.scheme is not None and not isinstance(contract.who, MaybeSignedIn)


def asks_first(contract):
    """Whether the credential is asked for before the body is read."""
    return is_guarded(contract) and not isinstance(contract.who, HasRefreshToken)


def takes_a_token(contract):
    """Whether the route asks for a token that a header may carry."""
    return is_guarded(contract) and not isinstance(contract.who, SignedInByCookie)


def is_for_administrators(contract):
    """Whether the route is for administrators alone."""
    return isinstance(contract.who, Administrator)


def example(contract):
    """The body that the documentation shows."""
    return contract.takes.model_config["json_schema_extra"]["examples"][0]
