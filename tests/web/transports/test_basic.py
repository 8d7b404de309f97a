"""Address and password with each request: only where the setting allows it."""

import base64

import pytest
from flask.testing import FlaskClient

ANN = {"email": "ann@example.com", "password": "correct horse: battery"}


def basic(email: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()}


def test_it_is_off_by_default(client: FlaskClient) -> None:
    client.post("/api/v1/auth/signup", json=ANN)
    answer = client.get("/api/v1/account", headers=basic(**ANN))
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")


@pytest.mark.settings(basic_auth=True)
def test_switched_on_the_right_password_is_enough(client: FlaskClient) -> None:
    client.post("/api/v1/auth/signup", json=ANN)
    assert client.get("/api/v1/account", headers=basic(**ANN)).json["email"] == "ann@example.com"


@pytest.mark.settings(basic_auth=True)
@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_a_wrong_one_is_refused_like_any_sign_in(client: FlaskClient, email: str) -> None:
    client.post("/api/v1/auth/signup", json=ANN)
    answer = client.get("/api/v1/account", headers=basic(email, "wrong"))
    assert (answer.status_code, answer.json["code"]) == (401, "invalid_credentials")


@pytest.mark.settings(basic_auth=True)
@pytest.mark.parametrize("header", ["Basic", "Basic ", "Basic !!!", "Basic Og==", "Basic /////w=="])
def test_a_malformed_header_is_refused(client: FlaskClient, header: str) -> None:
    assert client.get("/api/v1/account", headers={"Authorization": header}).status_code == 401


@pytest.mark.settings(basic_auth=True)
@pytest.mark.parametrize("email", ["ann", "", "ann@@example.com", "x" * 300])
def test_malformed_user_name_is_rejected_like_an_unknown_one(client: FlaskClient, email: str) -> None:
    answer = client.get("/api/v1/account", headers=basic(email, "wrong"))
    assert (answer.status_code, answer.json["code"], "errors" in answer.json) == (401, "invalid_credentials", False)


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param([{"bearerAuth": []}, {"basicAuth": []}], marks=pytest.mark.settings(basic_auth=True)),
        [{"bearerAuth": []}],
    ],
)
def test_the_document_names_it_only_where_it_is_on(client: FlaskClient, ways: list[dict[str, list[str]]]) -> None:
    document = client.get("/openapi.json").json
    assert document["paths"]["/api/v1/account"]["get"]["security"] == ways
    assert ("basicAuth" in document["components"]["securitySchemes"]) is (len(ways) == 2)


@pytest.mark.settings(basic_auth=True)
def test_it_opens_no_session(client: FlaskClient) -> None:
    client.post("/api/v1/auth/signup", json=ANN)
    listed = client.get("/api/v1/account/sessions", headers=basic(**ANN)).json["sessions"]
    assert [session["current"] for session in listed] == [False]
