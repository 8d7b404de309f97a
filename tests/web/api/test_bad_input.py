"""Bodies that nobody should send: each is refused as a problem, and nothing is kept of it."""

import json

import pytest

from app.web.input_errors import CODES
from app.web.openapi import errors_of
from tests.support.api import bearer, credentials_for, dump_tables, is_problem, make_admin
from tests.web.api.routes import each_route, example, is_for_administrators, may_be_empty, takes_body

KIB_64 = 64 * 1024
NOTHING = {"email": "eve@example.com", "password": "a new horse battery"}
JSON = {"content_type": "application/json"}
CHUNKED = {
    "wsgi.input_terminated": True, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked",
}  # fmt: skip
RIGHT = json.dumps({"email": "ann@example.com", "password": "correct horse battery"})
NOT_JSON = {
    "empty": b"",
    "a blank": b" ",
    "broken": b'{"email": "eve@example.com", ',
    "two documents": b"{}{}",
    "single quotes": b"{'email': 'eve@example.com'}",
    "NaN": b'{"email": NaN, "password": NaN}',
    "infinity": b'{"email": Infinity}',
    "a bare word": b"undefined",
    "lists 20,000 deep": b"[" * 20_000 + b"]" * 20_000,
    "objects 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "half a surrogate pair": rb'{"email": "\ud800@example.com"}',
    "half a pair in a name": rb'{"\udfff": 1}',
    "half a pair in UTF-8": b'{"email": "\xed\xa0\x80@example.com"}',
    "Latin-1": '{"email": "é@example.com"}'.encode("latin-1"),
    "a form": b"email=eve%40example.com&password=correct+horse",
    "NULs": b"\0" * 100,
}
NO_OBJECT = {
    "null": b"null",
    "true": b"true",
    "a number": b"3",
    "a huge number": b"9" * 5_000,
    "a text": b'"eve@example.com"',
    "a list": b"[]",
    "a list of objects": b'[{"email": "eve@example.com"}]',
    "an unknown member": b'{"is_admin": true}',
    "a member with an empty name": b'{"": 1}',
    "a prototype": b'{"__proto__": {"roles": ["admin"]}}',
}
WRONG_ITEMS = [[7], [None], [[]], ["x" * 5_000], ["e\0ve"], ["Not A Word"], ["x"] * 11]
WRONG_VALUES = [7, 1.5, True, [], {}, ["x"], {"x": "y"}, "x" * 5_000, "e\0ve", "e\x1bve", "e\nve", "e\x7fve", "e\x85ve"]
OTHER_TYPES = [
    None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "text/json",
    "x", "application/xml", "*/*", "application/problem+json",
]  # fmt: skip


def spoilt(body):
    """The body with one member spoilt, in each way there is; a password may hold any character."""
    for name, value in body.items():
        wrong_values = (
            WRONG_VALUES
            if not isinstance(value, list)
            else WRONG_ITEMS + [wrong for wrong in WRONG_VALUES if not isinstance(wrong, list)]
        )
        for wrong in wrong_values:
            if name == "claims" and isinstance(wrong, dict):
                continue  # any object is right
            if "password" not in name or not isinstance(wrong, str) or len(wrong) > 100:
                yield json.dumps(body | {name: wrong, "unused": value} if wrong is value else body | {name: wrong})


def not_json_for(contract):
    """What is not JSON; no body at all is not among it where none is needed."""
    return {name: data for name, data in NOT_JSON.items() if data or not may_be_empty(contract)}


def no_object_for(contract):
    """What is JSON and not the object asked for; null is the same as no body."""
    return {name: data for name, data in NO_OBJECT.items() if name != "null" or not may_be_empty(contract)}


@each_route(takes_body)
def test_what_is_not_json_is_refused(shared, method, path, contract):
    answers = {
        name: shared.call(method, path, contract, data=data, **JSON) for name, data in not_json_for(contract).items()
    }
    assert [name for name, answer in answers.items() if not is_problem(answer, 400, "invalid_input")] == []


@each_route(takes_body)
def test_json_that_is_not_the_object_asked_for_is_refused(shared, method, path, contract):
    answers = {
        name: shared.call(method, path, contract, data=data, **JSON) for name, data in no_object_for(contract).items()
    }
    assert [name for name, answer in answers.items() if not is_problem(answer, 400, "invalid_input")] == []


@each_route(takes_body)
def test_right_json_in_another_encoding_than_utf_8_is_refused(shared, method, path, contract):
    text = json.dumps(example(contract))
    encodings = ("utf-16", "utf-32", "utf-8-sig")
    answers = {name: shared.call(method, path, contract, data=text.encode(name), **JSON) for name in encodings}
    assert [name for name, answer in answers.items() if not is_problem(answer, 400, "invalid_input")] == []


@each_route(takes_body)
def test_one_wrong_member_is_refused(shared, method, path, contract):
    answers = {body: shared.call(method, path, contract, data=body, **JSON) for body in spoilt(example(contract))}
    assert {body: answer.status_code for body, answer in answers.items() if answer.status_code != 400} == {}
    codes = {error["code"] for answer in answers.values() for error in answer.json["errors"]}
    own = {refusal.code for refusal in errors_of(contract)}
    assert codes <= {*CODES, *own} - {"invalid_input"}


@each_route(takes_body)
def test_a_member_missing_or_null_is_refused_by_name(shared, method, path, contract):
    body = example(contract)
    needed = [name for name, field in contract.takes.model_fields.items() if field.is_required()]
    for name in needed:
        for bad in ({key: value for key, value in body.items() if key != name}, body | {name: None}):
            answer = shared.call(method, path, contract, data=json.dumps(bad), **JSON)
            assert [error["field"] for error in answer.json["errors"]] == [name]


@each_route(takes_body)
def test_body_without_a_json_content_type_is_rejected(shared, method, path, contract):
    body = json.dumps(example(contract))
    answers = {name: shared.call(method, path, contract, data=body, content_type=name) for name in OTHER_TYPES}
    assert [name for name, answer in answers.items() if not is_problem(answer, 415, "unsupported_media_type")] == []


@pytest.mark.parametrize(
    "sent",
    [{}, {"content_type": "application/x-www-form-urlencoded"}, {"data": b"", **JSON}, {"data": b" null\n", **JSON}],
    ids=["nothing", "an empty form", "empty JSON", "null"],
)
@each_route(may_be_empty)
def test_no_body_is_needed_where_every_member_is_optional(app, client, ann, method, path, contract, sent):
    if is_for_administrators(contract):
        make_admin(app)
    answer = client.open(path, method=method, headers=credentials_for(contract, ann), **sent)
    no_such_account = "/users/" in path and answer.json["code"] == "account_not_found"
    assert answer.status_code == contract.status or no_such_account, answer.text


@each_route(lambda contract: takes_body(contract) and not may_be_empty(contract))
def test_an_empty_body_is_told_what_is_missing(shared, method, path, contract):
    answer = shared.call(method, path, contract)
    assert is_problem(answer, 400, "invalid_input")
    needed = {name for name, field in contract.takes.model_fields.items() if field.is_required()}
    assert {error["field"] for error in answer.json["errors"]} == (needed or {""})


@each_route(takes_body)
def test_a_body_over_64_kib_is_refused(shared, method, path, contract):
    answer = shared.call(method, path, contract, data=json.dumps("x" * KIB_64), **JSON)
    assert is_problem(answer, 413, "content_too_large")


@each_route(takes_body)
def test_deep_lists_are_rejected_by_size_before_parsing(shared, method, path, contract):
    answer = shared.call(method, path, contract, data=b"[" * 100_000 + b"]" * 100_000, **JSON)
    assert is_problem(answer, 413, "content_too_large")


@each_route(takes_body)
def test_a_chunked_body_over_64_kib_is_refused(shared, method, path, contract):
    long = json.dumps("x" * KIB_64)
    answer = shared.call(method, path, contract, data=long, environ_overrides=CHUNKED, **JSON)
    assert is_problem(answer, 413, "content_too_large")


@each_route(takes_body)
def test_nothing_is_kept_of_what_was_refused(shared, method, path, contract):
    before = dump_tables(shared.app)
    for data in [*not_json_for(contract).values(), *no_object_for(contract).values(), *spoilt(example(contract))]:
        shared.call(method, path, contract, data=data, **JSON)
    assert dump_tables(shared.app) == before


@each_route(takes_body)
def test_a_refusal_does_not_repeat_what_was_sent(shared, method, path, contract):
    answer = shared.call(method, path, contract, data=b'{"password": ["hunter2"], "email": 1}', **JSON)
    assert "hunter2" not in answer.text


@each_route(takes_body)
def test_too_long_values_have_their_own_error_code(shared, method, path, contract):
    own = {"password": "password_too_long", "current_password": "password_too_long", "email": "invalid_email",
           "token": "link_invalid", "reset_token": "link_invalid", "code": "code_invalid"}  # fmt: skip
    if "/second-factor" in path or ("/passkey" in path and "/invitation" not in path):
        own["token"] = "sign_in_token_invalid"
    if "/providers/" in path or path.endswith("/identities"):
        own["code"] = "provider_code_invalid"
    if path == "/api/v1/auth/token":
        own["code"] = "sign_in_code_invalid"
    for name in own.keys() & contract.takes.model_fields.keys():
        answer = shared.call(method, path, contract, json=example(contract) | {name: "x" * 5_000})
        assert is_problem(answer, 400, own[name])
        assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [(name, own[name])]


def test_a_new_password_that_is_empty_is_too_short(client):
    answer = client.post("/api/v1/auth/signup", json={"email": "ann@example.com", "password": ""})
    assert is_problem(answer, 400, "password_too_short")


def test_a_chunked_body_without_a_length_is_taken(client):
    answer = client.post("/api/v1/auth/signup", data=RIGHT, environ_overrides=CHUNKED, **JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=utf-8"])
def test_json_is_json_however_it_is_spelled(client, content_type):
    assert client.post("/api/v1/auth/signup", data=RIGHT, content_type=content_type).status_code == 201


def test_of_a_member_named_twice_the_last_counts(app, client):
    body = b'{"email": "ann@example.com", "email": "eve@example.com", "password": "correct horse battery"}'
    client.post("/api/v1/auth/signup", data=body, **JSON)
    assert "ann@example.com" not in str(dump_tables(app))


@each_route(lambda contract: contract.query is not None)
def test_a_query_parameter_given_twice_is_refused(shared, method, path, contract):
    body = example(contract) if contract.takes else None
    for name in [*contract.query.model_fields, "unknown", "é" * 200]:
        answer = shared.call(method, path, contract, query_string=[(name, "1"), (name, "1")], json=body)
        assert is_problem(answer, 400, "invalid_input")
        [error] = answer.json["errors"]
        assert (error["code"], error["field"] == name) == ("repeated", name.isascii())


@pytest.mark.parametrize(
    "query", ["scope=", "scope=each", "scope=ALL", "scope=all%00", "scope=%ff", "other=1", "scope[]=all"]
)
def test_a_query_that_the_route_does_not_know_is_refused(shared, query):
    answer = shared.client.post(f"/api/v1/auth/logout?{query}", headers=bearer(shared.ann["access_token"]))
    assert is_problem(answer, 400, "invalid_input")
