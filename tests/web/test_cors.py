"""CORS: listed origins of pages, apps and extensions may call, with the headers that clients send."""

import logging

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ORIGINS = [
    "https://app.example.com", "http://localhost", "http://localhost:5173", "http://[::1]:3000", "capacitor://localhost",
    "ionic://localhost", "tauri://localhost", "myapp://localhost", "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
    "moz-extension://0a1b2c3d-0000-4000-8000-00000000000f", "safari-web-extension://0A1B2C3D-0000-4000-8000-0000000000FF",
]  # fmt: skip
STRANGERS = [
    "http://[::1]:3001", "http://[::1]:30000", "http://:3000", "http://1:3000", "http://[::1]:3000.evil.example",
    "http://::1:3000", "capacitor://localhost.evil.example", "capacitor://evil", "ionic://localhost:80",
    "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhi", "https://localhost", "null",
]  # fmt: skip
HEADERS = ["x-requested-with", "sentry-trace", "baggage", "traceparent", "tracestate", "authorization", "x-csrf-token"]
ANN = {"email": "ann@example.com", "password": "correct horse battery"}
listed = pytest.mark.settings(cors_origins=ORIGINS)


def preflight(client: FlaskClient, origin: str, *headers: str) -> TestResponse:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ", ".join(headers)}
    return client.options("/api/v1/auth/login", headers={"Origin": origin} | asked)


def allowed_headers(answer: TestResponse) -> set[str]:
    return set(filter(None, answer.headers.get("Access-Control-Allow-Headers", "").split(", ")))


@listed
@pytest.mark.parametrize("origin", ORIGINS)
def test_listed_origin_may_call_and_sign_in_by_cookie(client: FlaskClient, origin: str) -> None:
    assert preflight(client, origin).headers["Access-Control-Allow-Origin"] == origin
    for path in ("/api/v1/auth/signup?transport=cookie", "/api/v1/auth/login?transport=cookie"):
        answer = client.post(path, json=ANN, headers={"Origin": origin, "Sec-Fetch-Site": "same-site"})
        assert answer.status_code in (200, 201)
        assert answer.headers["Access-Control-Allow-Origin"] == origin


@listed
@pytest.mark.parametrize("origin", STRANGERS)
def test_similar_origin_may_not_call(client: FlaskClient, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(client, origin).headers
    assert client.post("/api/v1/auth/login?transport=cookie", json=ANN, headers={"Origin": origin}).status_code == 403


@listed
def test_headers_of_common_clients_are_allowed(client: FlaskClient) -> None:
    answer = preflight(client, ORIGINS[0], *HEADERS, "x-client-version")
    assert allowed_headers(answer) == set(HEADERS)


@pytest.mark.settings(cors_origins=ORIGINS[:1], cors_headers=["X-Client-Version", "x_tenant"])
def test_more_headers_are_allowed_by_the_setting(client: FlaskClient) -> None:
    answer = preflight(client, ORIGINS[0], "x-client-version", "x_tenant", "x-other", *HEADERS)
    assert allowed_headers(answer) == {"x-client-version", "x_tenant", *HEADERS}


@pytest.mark.settings(app_env="development", cors_origins=ORIGINS[:1])
def test_development_names_the_origin_to_add(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "app.web.cors"):
        for origin in ("http://localhost:9999", "http://localhost:9999", ORIGINS[0], "http://localhost:8000", "null"):
            preflight(client, origin)
        client.post("/reset-password", headers={"Origin": "http://10.0.2.2:8000", "Host": "10.0.2.2:8000"})
        client.get("/", headers={"Origin": "http://evil.example/\n<b>"[:20]})
    assert [record.getMessage() for record in caplog.records] == [
        "browsers hide responses from pages of http://localhost:9999. "
        "To allow it, set CORS_ORIGINS=https://app.example.com,http://localhost:9999"
    ]
    answer = client.post("/api/v1/auth/login?transport=cookie", json=ANN, headers={"Origin": "http://localhost:9999"})
    assert answer.json["detail"].endswith("set CORS_ORIGINS=https://app.example.com,http://localhost:9999")


def test_other_environments_do_not_repeat_the_origin(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.post("/api/v1/auth/login?transport=cookie", json=ANN, headers={"Origin": "http://localhost:9999"})
    assert answer.json["detail"] == "Requests from this origin are not allowed. Add it to CORS_ORIGINS."
    assert "9999" not in caplog.text
