"""The OpenAPI 3.1 document, made from the contracts of all routes."""

import json
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Flask
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from app.core.errors import DatabaseUnavailable, Invalid, ServiceError
from app.current import settings_of
from app.web import cookies
from app.web.endpoint import MAX_IDEMPOTENCY_KEY, Contract, contract_of
from app.web.errors import status_of, title_of
from app.web.guards import security_of
from app.web.openapi_groups import group_of, groups_of
from app.web.schemas import LARGEST_NUMBER, Problem, ResponseBody, WireSchema

DESCRIPTION = """Accounts for single-page and mobile apps.

Sign up or sign in below to try the API: this page stores the tokens. In your client, send the `access_token` as
`Authorization: Bearer …`, and the `refresh_token` in the body of `/auth/refresh`.
Browsers can use cookies instead (`?transport=cookie`). They send no token, but the header `X-CSRF-Token` with each
request that writes.
Errors are problem documents (RFC 9457) with a stable `code`."""
INFO = {
    "title": "Latchkey",
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "The operator of this service"},
}
SIGN_UPS = {
    "open": "",
    "invited": "\n\nSign-up is closed: new accounts are by invitation only.",
    "closed": "\n\nSign-up is closed: this service takes no new accounts.",
}

BEARER, BASIC = (
    {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token"},
    {"type": "http", "scheme": "basic", "description": "Email address and password with each request"},
)
# Not `http bearer`: generated clients have one token per scheme type, and would send the access token.
REFRESH_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Bearer ` followed by the refresh token. Not needed if the body has it.",
}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_REF = "#/components/schemas/{model}"
_SHAPES = {
    "string": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "format": "int64", "minimum": 0, "maximum": LARGEST_NUMBER},
}
_OTHER_ERRORS = {
    408: ("request_timeout", "The body was not complete within 10 seconds."),
    413: ("content_too_large", "The body is larger than 64 KiB."),
    415: ("unsupported_media_type", "The body is not JSON, or the Content-Type is not application/json."),
}

# By what they are made of. The contracts are kept, so that no other one gets the same id.
_documents: dict[Hashable, tuple[dict[str, Any], list[Contract]]] = {}


def document(
    app: Flask, *, version: str, server: str = "/", schemes: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The document. It contains every route with a contract; the models that validate are its schemas.

    `server`: the path of the service. `schemes`: additional security schemes. Workers get the document that their
    parent process made: it takes 4 MB.
    """
    security = {**_security_schemes(app), **schemes}
    routes = list(contracts(app))
    description = DESCRIPTION + SIGN_UPS[settings_of(app).sign_up]
    made_of = (
        version,
        server,
        description,
        repr(security),
        tuple((rule.rule, id(contract)) for rule, contract in routes),
    )
    if made_of not in _documents:
        paths: dict[str, dict[str, Any]] = defaultdict(dict)
        for rule, contract in routes:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                paths[_path(rule)][method.lower()] = _operation(rule, contract, basic=_takes_basic(app))
        made = {
            "openapi": "3.1.0",
            "info": INFO | {"version": version, "description": description},
            "servers": [{"url": server}],
            "tags": groups_of({group_of(rule.endpoint) for rule, _ in routes}),
            "paths": dict(paths),
            "components": {"schemas": _schemas(app), "securitySchemes": security},
        }
        _documents[made_of] = made, [contract for _, contract in routes]
    return _documents[made_of][0]


def contracts(app: Flask) -> Iterator[tuple[Rule, Contract]]:
    """Every URL rule whose view has a contract."""
    for rule in app.url_map.iter_rules():
        contract = contract_of(app.view_functions[rule.endpoint])
        if contract:
            yield rule, contract


def _security_schemes(app: Flask) -> dict[str, Any]:
    with app.app_context():
        name = cookies.name_of("access")
    description = "The cookies of a sign-in with `transport=cookie`. Browsers send them automatically."
    cookie = {"type": "apiKey", "in": "cookie", "name": name, "description": description}
    basic = {"basicAuth": BASIC} if _takes_basic(app) else {}
    # The dialog of Swagger UI focuses the last scheme.
    return {"cookieAuth": cookie, "refreshToken": REFRESH_TOKEN, **basic, "bearerAuth": BEARER}


def _takes_basic(app: Flask) -> bool:
    return settings_of(app).basic_auth


def _operation(rule: Rule, contract: Contract, *, basic: bool) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [group_of(rule.endpoint)],
        "summary": contract.summary,
        "responses": _successes(contract) | _error_responses(contract),
        "security": security_of(contract.who, basic=basic),
    }
    if contract.description:
        operation["description"] = contract.description
    if contract.takes:
        operation["requestBody"] = {
            "required": not _accepts_empty_body(contract.takes),
            "content": _content(contract.takes, FORM if contract.form else JSON),
        }
    parameters = [*_path_parameters(rule), *_query_parameters(contract), *_header_parameters(contract)]
    if parameters:
        operation["parameters"] = parameters
    return operation


def _accepts_empty_body(model: type[BaseModel]) -> bool:
    """Whether a request without a body is valid."""
    try:
        return bool(model.model_validate({}))
    except ValidationError:
        return False


def _successes(contract: Contract) -> dict[str, Any]:
    answers: dict[int, type[ResponseBody] | None] = {contract.status: contract.gives, **contract.also}
    return {str(status): _success(model) for status, model in answers.items()}


def _success(model: type[ResponseBody] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "No content"}
    return {"description": model.__doc__ or "Success", "content": _content(model)}


def _content(model: type[BaseModel], media: str = JSON) -> dict[str, Any]:
    return {media: {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _error_responses(contract: Contract) -> dict[str, Any]:
    if not contract.problems:
        return {}
    by_status: dict[int, list[type[ServiceError]]] = defaultdict(list)
    for error in errors_of(contract):
        by_status[int(status_of(error))].append(error)
    described = {str(status): _error_response(status, kinds) for status, kinds in sorted(by_status.items())}
    if contract.takes:
        for status, (code, detail) in _OTHER_ERRORS.items():
            described[str(status)] = _problem({code: detail}, status)
    return described


def errors_of(contract: Contract) -> tuple[type[ServiceError], ...]:
    """All errors of the route: its own, those of its guard, and those of every route."""
    shared: tuple[type[ServiceError], ...] = (DatabaseUnavailable,) if contract.needs_database else ()
    malformed: tuple[type[ServiceError], ...] = (
        (Invalid,) if contract.takes or contract.query or contract.idempotent else ()
    )
    return tuple(dict.fromkeys((*malformed, *contract.who.errors, *contract.errors, *shared)))


def _error_response(status: int, kinds: list[type[ServiceError]]) -> dict[str, Any]:
    described = _problem({kind.code: kind.detail for kind in kinds}, status)
    examples = described["content"]["application/problem+json"]["examples"]
    for kind in kinds:
        examples[kind.code]["value"].update(kind.example)
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    return described


def _problem(codes: dict[str, str], status: int) -> dict[str, Any]:
    title = title_of(HTTPStatus(status))
    examples = {
        code: {"value": {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}}
        for code, detail in codes.items()
    }
    schema = {"$ref": _REF.format(model="Problem")}
    content = {"application/problem+json": {"schema": schema, "examples": examples}}
    return {"description": " · ".join(f"`{code}`" for code in codes), "content": content}


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)


def _path_parameters(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _SHAPES[converter]}
        for converter, name in re.findall(r"<(\w+)[^:>]*:(\w+)>", rule.rule)
    ]


def _query_parameters(contract: Contract) -> list[dict[str, Any]]:
    if contract.query is None:
        return []
    schema = contract.query.model_json_schema(ref_template=_REF, schema_generator=WireSchema)
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": shape}
        for name, shape in schema["properties"].items()
    ]


def _header_parameters(contract: Contract) -> list[dict[str, Any]]:
    if not contract.idempotent:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY}
    description = "A value chosen by the client, the same for one attempt and its retries"
    return [
        {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": description}
    ]


def _schemas(app: Flask) -> dict[str, Any]:
    requests = {contract.takes for _, contract in contracts(app) if contract.takes}
    responses = {
        model for _, contract in contracts(app) for model in (contract.gives, *contract.also.values()) if model
    }
    models = [(model, "validation") for model in requests] + [
        (model, "serialization") for model in responses | {Problem}
    ]
    models.sort(key=lambda pair: pair[0].__name__)
    schemas: dict[str, Any] = json.loads(_definitions(tuple(models)))
    return schemas


@cache  # the slowest part of creating an app, and the same for each app in a process
def _definitions(models: tuple[tuple[type[BaseModel], Any], ...]) -> str:
    schemas = models_json_schema(models, ref_template=_REF, schema_generator=WireSchema)[1]
    return json.dumps(schemas["$defs"])
