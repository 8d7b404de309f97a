"""The document and the service agree, both ways."""

import json
import re
from collections.abc import Iterator

import pytest

from app import create_app
from app.web.openapi import contracts
from config import load
from tests.conftest import package
from tests.support.api import credentials_for, make_admin, open_account, sign_up
from tests.support.authenticator_app import Owner
from tests.support.passkey_holder import PasskeyHolder
from tests.web.api.routes import (
    DOCUMENTED,
    ROUTES,
    SOMEBODY,
    SOMETHING,
    each_route,
    example,
    is_for_administrators,
    may_be_empty,
    takes_body,
)  # fmt: skip

WITHOUT_A_CONTRACT = ("static", "flasgger.", "pages_")
CLASSIC = {"user-authentication-service", "session-authentication"}
NEEDS_A_REAL_TOKEN = {"reset_token", "token", "code", "credential", "id_token"}


@pytest.fixture(scope="module", params=[False, True], ids=["house", "classic"])
def service(request, tmp_path_factory):
    """An app to look at, without the classic wing and with it; it has no database."""
    folder = tmp_path_factory.mktemp("openapi")
    cheap = {"ratelimit_enabled": False, "bcrypt_rounds": 4, "compat_api": request.param}
    return create_app(load({}, app_env="testing", instance_path=folder, **cheap))


@pytest.fixture(scope="module")
def visitor(service):
    """Somebody who looks at it."""
    return service.test_client()


@pytest.fixture(scope="module")
def document(visitor):
    """The document as it is served."""
    return visitor.get("/openapi.json").json


def operations(document) -> Iterator[tuple[str, str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def of_the_house(document) -> Iterator[dict]:
    """The operations whose refusals are problem documents."""
    return (operation for _, _, operation in operations(document) if not CLASSIC & set(operation["tags"]))


def in_braces(rule):
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule)


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_is_valid_openapi_3_1(document):
    validator = package("openapi_spec_validator").OpenAPIV31SpecValidator(document)
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in validator.iter_errors()] == []


def test_every_route_but_pages_and_files_has_a_contract(service):
    under_contract = {rule.endpoint for rule, _ in contracts(service)}
    others = {rule.endpoint for rule in service.url_map.iter_rules()} - under_contract
    assert [endpoint for endpoint in others if not endpoint.startswith(WITHOUT_A_CONTRACT)] == []


def test_every_route_under_a_contract_is_documented_and_nothing_else(service, document):
    routes = {
        (method, in_braces(rule.rule))
        for rule, _ in contracts(service)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_every_operation_has_a_summary_tag_and_unique_id(document):
    found = list(operations(document))
    assert [
        (method, path) for method, path, operation in found if not (operation["summary"] and operation["tags"])
    ] == []
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)


def test_every_operation_says_what_it_gives(document):
    missing = [
        (method, path, status)
        for method, path, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status != "204" and not all(content.get("schema") for content in answer.get("content", {"": {}}).values())
    ]
    assert [place for place in missing if not place[2].startswith(("2", "3"))] == []


def test_every_success_but_an_empty_one_has_a_schema(document):
    empty = {
        (method, path)
        for method, path, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status in ("200", "201") and "content" not in answer
    }
    assert empty == set()


def test_every_operation_that_may_refuse_says_how(document):
    silent = [
        (method, path)
        for method, path, operation in operations(document)
        if ("requestBody" in operation or operation["security"])
        and not [status for status in operation["responses"] if status.startswith("4")]
    ]
    assert silent == []


def test_every_error_is_a_problem_with_an_example_per_code(document):
    for operation in of_the_house(document):
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")):
                problem = answer["content"]["application/problem+json"]
                assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert [code for code, one in problem["examples"].items() if one["value"]["code"] != code] == []


def test_refusals_document_the_headers_they_come_with(document):
    for operation in of_the_house(document):
        answers = operation["responses"]
        named = {
            status: set(answers[status].get("headers", {})) for status in ("401", "429", "503") if status in answers
        }
        assert named == {
            status: {"WWW-Authenticate"} if status == "401" else {"Retry-After"} for status in named
        }  # fmt: skip


def test_no_reference_leads_nowhere(document):
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) - schemas == set()


def test_optional_members_are_not_nullable(document):
    erasing = ("UpdateAccountRequest", "CorrectUserRequest", "UpdateUserRequest", "CreateUserRequest")
    for name, schema in document["components"]["schemas"].items():
        required = schema.get("required", [])
        for member, shape in schema.get("properties", {}).items():
            nullable = {"type": "null"} in shape.get("anyOf", []) or "null" in shape.get("type", "")
            assert shape.get("default", "") is not None, (name, member)
            assert member in required or not nullable or name in erasing, (name, member)
    shown = [parameter["schema"] for _, _, one in operations(document) for parameter in one.get("parameters", [])]
    assert [schema for schema in shown if "anyOf" in schema or schema.get("default", "") is None] == []


def test_null_is_documented_where_it_empties_a_member(document):
    changes = document["components"]["schemas"]["UpdateAccountRequest"]
    assert "required" not in changes
    assert [shape["type"] for shape in changes["properties"].values()] == [["string", "null"]] * 3


@each_route(takes_body)
def test_a_body_is_required_where_a_member_is(document, method, path, contract):
    [body] = [
        operation["requestBody"]
        for verb, place, operation in operations(document)
        if (verb, place) == (method, DOCUMENTED[path])
    ]
    assert body["required"] is not may_be_empty(contract)


def test_the_two_tokens_have_schemes_of_different_kinds(document):
    schemes = document["components"]["securitySchemes"]
    kinds = {name: (schemes[name]["type"], schemes[name].get("scheme")) for name in ("bearerAuth", "refreshToken")}
    assert kinds == {"bearerAuth": ("http", "bearer"), "refreshToken": ("apiKey", None)}
    used = {json.dumps(operation["security"]) for operation in of_the_house(document)}
    assert used == {
        "[]", '[{"bearerAuth": []}]', '[{}, {"bearerAuth": []}]', '[{}, {"refreshToken": []}]', '[{"cookieAuth": []}]'
    }  # fmt: skip


def test_every_guarded_route_names_a_scheme_that_there_is(document):
    schemes = document["components"]["securitySchemes"]
    used = {name for _, _, operation in operations(document) for way in operation["security"] for name in way}
    assert used <= schemes.keys()


@each_route(takes_body)
def test_every_body_has_an_example(method, path, contract):
    assert example(contract).keys() <= contract.takes.model_fields.keys()


@each_route(lambda contract: takes_body(contract) and not NEEDS_A_REAL_TOKEN & contract.takes.model_fields.keys())
def test_every_example_works_as_it_stands(app, client, clock, method, path, contract):
    if "/factors/" in path and SOMETHING in path:
        owner = Owner(client, clock).sign_up()
        path = path.replace(SOMETHING, str(owner.factor_id))
        assert owner.call(method, path.removeprefix("/api/v1"), **example(contract)).status_code == contract.status
        return
    if "/passkeys/" in path and SOMETHING in path:
        holder = PasskeyHolder(client).sign_up()
        path = path.replace(SOMETHING, str(holder.passkeys()[0]["id"]))
        assert holder.call(method, path.removeprefix("/api/v1"), **example(contract)).status_code == contract.status
        return
    credentials = {} if path.endswith("/signup") else credentials_for(contract, sign_up(client))
    if is_for_administrators(contract):
        make_admin(app)
        open_account(app, SOMEBODY)
    answer = client.open(path, method=method, json=example(contract), headers=credentials)
    assert answer.status_code == contract.status, answer.text


def test_a_reset_example_works_with_a_real_token(client, auth, mailbox):
    [body] = [example(contract) for _, path, contract in ROUTES if path == "/api/v1/reset-password"]
    sign_up(client)
    client.post("/api/v1/forgot-password", json={"email": "ann@example.com"})
    auth.mail_delivery.deliver_due()
    answer = client.post("/api/v1/reset-password", json=body | {"reset_token": mailbox.messages[-1].token})
    assert answer.status_code == 200


def test_the_docs_page_reads_this_document_and_no_other_host(visitor):
    html = visitor.get("/docs").text
    assert "/openapi.json" in html
    assert re.findall(r"""(?:https?:)?//[^\s"'<>]+""", html) == []


def test_everything_that_the_docs_page_loads_is_here(visitor):
    html = visitor.get("/docs").text
    loaded = re.findall(r"""(?:src|href)="(/[^"#]+)""", html)
    statuses = {}
    for address in loaded:
        with visitor.get(address) as answer:
            statuses[address] = answer.status_code
    assert {address: status for address, status in statuses.items() if status != 200} == {}
    assert len(loaded) >= 4
