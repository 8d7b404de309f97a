"""What holds for each route of the URL map, whichever it is."""

import pytest

from app.web.guards import security_of
from app.web.openapi import errors_of
from tests.support.api import bearer, is_problem
from tests.web.api.routes import (
    PATHS,
    ROUTES,
    asks_first,
    each_route,
    example,
    is_for,
    is_guarded,
    takes_a_token,
    takes_access_tokens_only,
    takes_body,
)  # fmt: skip

REALM = 'Bearer realm="latchkey"'


def call(shared, method, path, contract, headers=None):
    body = {"json": example(contract)} if takes_body(contract) else {}
    return shared.client.open(path, method=method, headers=headers, **body)


@each_route(is_guarded)
def test_without_a_token_it_names_the_scheme_and_no_error(shared, method, path, contract):
    answer = call(shared, method, path, contract)
    assert is_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == REALM


@each_route(is_guarded)
def test_other_scheme_than_bearer_is_rejected(shared, method, path, contract):
    answer = call(shared, method, path, contract, {"Authorization": "Basic YW5uOnNlY3JldA=="})
    assert is_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == REALM


@each_route()
def test_the_document_says_whether_a_credential_is_needed(shared, method, path, contract):
    body = {"json": {"unknown": 1}} if takes_body(contract) else {}
    answer = shared.client.open(path, method=method, **body)
    ways = security_of(contract.who, basic=False)
    assert (answer.status_code == 401) == (ways != [] and {} not in ways)


@each_route()
def test_errors_name_only_members_of_the_route(method, path, contract):
    members = {name for model in (contract.takes, contract.query) if model for name in model.model_fields}
    named = {contract.member(refusal.field) for refusal in errors_of(contract) if getattr(refusal, "field", None)}
    assert named <= members


@pytest.mark.parametrize("credential", ["Bearer x.y.z", "bearer nonsense", "Bearer", "Bearer ", "Bearer a b"])
@each_route(takes_a_token)
def test_foreign_token_is_an_invalid_token(shared, method, path, contract, credential):
    answer = call(shared, method, path, contract, {"Authorization": credential})
    assert is_problem(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == REALM + ', error="invalid_token"'


@each_route(takes_access_tokens_only)
def test_refresh_token_is_rejected_as_access_token(shared, method, path, contract):
    answer = call(shared, method, path, contract, bearer(shared.ann["refresh_token"]))
    assert is_problem(answer, 401, "invalid_token")


@each_route(is_for("refreshToken"))
def test_access_token_is_rejected_as_refresh_token(shared, method, path, contract):
    answer = call(shared, method, path, contract, bearer(shared.ann["access_token"]))
    assert is_problem(answer, 401, "invalid_token")


@each_route(takes_body)
def test_the_guard_comes_before_the_body(shared, method, path, contract):
    answer = shared.client.open(path, method=method, data=b"{", content_type="text/plain")
    assert answer.status_code == (401 if asks_first(contract) else 415)


@pytest.mark.parametrize("path", PATHS)
def test_unsupported_method_is_rejected_with_an_allow_header(shared, path):
    answer = shared.client.open(path, method="TRACE")
    assert is_problem(answer, 405, "method_not_allowed")
    assert {method for method, other, _ in ROUTES if other == path} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/nope", "/api/v1", "/api/v2/account", "/api/v1/%00", "/api/v1/%ff", "/api/v1/../x"])
def test_a_path_that_does_not_exist_is_a_problem_too(shared, path):
    assert is_problem(shared.client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", PATHS)
def test_a_slash_too_many_leads_to_the_same_route(shared, path):
    assert shared.client.open(path + "/", method="TRACE").status_code == 405
