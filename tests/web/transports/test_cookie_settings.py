"""COOKIE_SAMESITE and COOKIE_DOMAIN: who gets the cookies, and what still protects them."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ANN = {"email": "ann@example.com", "password": "correct horse battery"}
SIGNUP, LOGIN = "/api/v1/auth/signup?transport=cookie", "/api/v1/auth/login?transport=cookie"
SITE = "https://accounts.example.com"
APP = "https://app.other.example"
CROSS_SITE = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
for_another_site = pytest.mark.settings(public_url=SITE, cors_origins=[APP], cookie_samesite="none")


def cookies_of(answer: TestResponse) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Strict", marks=pytest.mark.settings(cookie_samesite="strict")),
        pytest.param("None", marks=pytest.mark.settings(cookie_samesite="none")),
    ],
)
@pytest.mark.settings(public_url=SITE)
def test_samesite_is_that_of_the_setting(client: FlaskClient, value: str) -> None:
    answer = client.post(SIGNUP, json=ANN)
    gone = client.post("/api/v1/auth/logout", headers={"X-CSRF-Token": answer.json["csrf_token"]})
    assert gone.status_code == 204
    for line in (*cookies_of(answer).values(), *cookies_of(gone).values()):
        assert f"SameSite={value}" in line
        assert "; Secure" in line
        assert ("Partitioned" in line) == (value == "None")
        assert line.startswith("__Host-")


@for_another_site
def test_listed_page_of_another_site_may_use_cookies(client: FlaskClient) -> None:
    signed_up = client.post(SIGNUP, json=ANN, headers=CROSS_SITE)
    assert signed_up.status_code == 201
    assert signed_up.headers["Access-Control-Allow-Credentials"] == "true"
    answer = client.get("/api/v1/auth/csrf", headers=CROSS_SITE)
    assert answer.json["csrf_token"] == signed_up.json["csrf_token"]
    refused = client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=CROSS_SITE)
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_failed")
    proof = CROSS_SITE | {"X-CSRF-Token": answer.json["csrf_token"]}
    assert client.patch("/api/v1/account", json={"first_name": "Ann"}, headers=proof).status_code == 200


@for_another_site
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "https://other.example"])
def test_other_page_of_another_site_may_not(client: FlaskClient, origin: str | None) -> None:
    csrf = client.post(SIGNUP, json=ANN).json["csrf_token"]
    sent = {"Sec-Fetch-Site": "cross-site"} | ({"Origin": origin} if origin else {})
    for answer in (
        client.get("/api/v1/auth/csrf", headers=sent),
        client.post(LOGIN, json=ANN, headers=sent),
        client.post("/api/v1/auth/logout", headers=sent | {"X-CSRF-Token": csrf}),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed")
        assert not cookies_of(answer)


@pytest.mark.settings(public_url=SITE, cors_origins=[APP])
def test_listed_page_of_another_site_needs_the_setting(client: FlaskClient) -> None:
    answer = client.post(SIGNUP, json=ANN, headers=CROSS_SITE)
    assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed")


@pytest.mark.settings(public_url=SITE, cookie_domain="example.com")
def test_cookie_domain_shares_tokens_but_not_the_device(client: FlaskClient) -> None:
    answer = client.post(SIGNUP, json=ANN, base_url=SITE)
    names = cookies_of(answer)
    assert names.keys() == {
        "__Secure-latchkey_access", "__Secure-latchkey_refresh", "__Secure-latchkey_csrf", "__Host-latchkey_device"
    }  # fmt: skip
    assert {name for name, line in names.items() if "Domain=example.com" in line} == names.keys() - {
        "__Host-latchkey_device"
    }
    assert client.get("/api/v1/account", base_url=SITE).status_code == 200
    csrf = {"X-CSRF-Token": answer.json["csrf_token"]}
    gone = cookies_of(client.post("/api/v1/auth/logout", headers=csrf, base_url=SITE))
    assert len(gone) == 3
    assert all("Domain=example.com" in line for line in gone.values())
    assert client.get("/api/v1/account", base_url=SITE).json["code"] == "unauthenticated"


@pytest.mark.settings(public_url=SITE, cookie_domain="example.com")
def test_document_names_the_cookie_as_it_is(client: FlaskClient) -> None:
    schemes = client.get("/openapi.json").json["components"]["securitySchemes"]
    assert schemes["cookieAuth"]["name"] == "__Secure-latchkey_access"
