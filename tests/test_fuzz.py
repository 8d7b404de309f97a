"""Requests made up from the document, right and wrong ones: none breaks us, and every answer is one we documented."""

import re

import pytest

from app import create_app
from app.web.input_errors import CODES
from config import load
from tests.conftest import package
from tests.support.api import credentials_for, make_admin, sign_up
from tests.support.apps import close
from tests.support.profile import long, sized
from tests.test_docs import API, table
from tests.web.api.routes import DOCUMENTED, each_route, is_guarded

hypothesis, schemathesis = package("hypothesis"), package("schemathesis")
checks, strategies = package("schemathesis.specs.openapi.checks"), package("hypothesis.strategies")

EXAMPLES = sized(3, 25)
HTTP_ITSELF = {code.strip("`") for code, *_ in table(API, "### Codes of HTTP itself")}


def codes_are_documented(_context, response, case):
    """Each code of a refusal stands with its operation, or is HTTP's own; each code of a member in the list."""
    if response.headers.get("content-type") != ["application/problem+json"]:
        return
    problem, answers = response.json(), case.operation.definition.raw["responses"]
    shown = answers.get(str(response.status_code), {}).get("content", {}).get("application/problem+json", {})
    assert problem["code"] in HTTP_ITSELF | shown.get("examples", {}).keys()
    for error in problem.get("errors", ()):
        wanted = {problem["code"]} if problem["code"] != "invalid_input" else set(CODES)
        assert error["code"] in wanted
        assert not re.search(r"Value error|Input should|String should|after validation|Extra inputs", error["message"])


CHECKS = [
    package("schemathesis.checks").not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_headers_conformance, checks.response_schema_conformance, codes_are_documented,
]  # fmt: skip
pytestmark = long
dice = hypothesis.settings(
    max_examples=EXAMPLES, database=None, deadline=None, phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def app(databases, tmp_path_factory):
    """One app for all that is thrown at it."""
    folder = tmp_path_factory.mktemp("fuzz")
    app = create_app(load(
        {}, app_env="testing", instance_path=folder, database_url=databases.copy(folder), bcrypt_rounds=4,
        ratelimit_enabled=False, hash_slots=64, mail_deliverer="off",
    ))  # fmt: skip
    yield app
    close(app)


@pytest.fixture(scope="module")
def schema(app):
    """The document, as schemathesis reads it from the app."""
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


def throw(operation, app, headers):
    """Send what schemathesis makes up for one operation, good and bad by turns."""
    modes = schemathesis.GenerationMode
    good, bad = (operation.as_strategy(generation_mode=mode) for mode in (modes.POSITIVE, modes.NEGATIVE))

    @hypothesis.seed(7)
    @dice
    @hypothesis.given(case=strategies.one_of(good, bad))
    def each(case):
        case.call_and_validate(app=app, headers=headers, checks=CHECKS)

    each()


@each_route()
def test_random_anonymous_requests_get_documented_answers(app, schema, method, path, contract):
    throw(schema[DOCUMENTED[path]][method], app, {})


@each_route(is_guarded)
def test_random_authenticated_requests_get_documented_answers(app, schema, method, path, contract):
    name = f"{method}{path}".replace("/", ".").lower()
    tokens = sign_up(app.test_client(), email=f"{name}@example.com")
    make_admin(app, f"{name}@example.com")
    throw(schema[DOCUMENTED[path]][method], app, credentials_for(contract, tokens))
