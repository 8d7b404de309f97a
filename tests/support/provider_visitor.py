"""A person whose browser an app leads to an identity provider, and the app itself."""

import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.providers.model import code_challenge_of
from tests.support.lying_provider import LyingProvider

AUTH = "/api/v1/auth"
APP = "https://app.example.com/signed-in"
MOBILE = "com.example.app:/signed-in"
REDIRECT_URLS = [APP, MOBILE, "http://127.0.0.1:4000/cb?tab=1"]


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL."""
    return dict(parse_qsl(urlsplit(url).query))


class Visitor:
    """One browser, and the app that sends it. The app keeps `verifier` and `app_state`."""

    def __init__(self, client: FlaskClient, provider: LyingProvider, provider_id: str = "work") -> None:
        self.client, self.provider, self.id = client, provider, provider_id
        self.verifier, self.app_state = secrets.token_urlsafe(32), secrets.token_urlsafe(8)
        self.asked: dict[str, str] = {}

    def start(self, **changes: str | None) -> TestResponse:
        """Open the start of the sign-in. What the provider is asked is kept in `asked`."""
        query = {
            "redirect_to": APP, "code_challenge": code_challenge_of(self.verifier), "state": self.app_state,
        } | changes  # fmt: skip
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.client.get(f"{AUTH}/providers/{self.id}/start", query_string=given)
        self.asked = query_of(answer.headers.get("Location", ""))
        return answer

    def come_back(self, **changes: str | None) -> TestResponse:
        """Come back from the provider, which says what it should or what `changes` says."""
        answer = {"code": "the-code", "state": self.asked.get("state"), "iss": self.provider.url} | changes
        given = {name: value for name, value in answer.items() if value is not None}
        return self.client.get(f"{AUTH}/providers/{self.id}/callback", query_string=given)

    def sign_in_there(self, **claims: Any) -> TestResponse:
        """Start, sign in at the provider as the person in `claims`, and come back."""
        self.start()
        self.provider.claims = {"nonce": self.asked.get("nonce"), **claims}
        return self.come_back()

    def code(self, **claims: Any) -> str:
        """Our code for the app."""
        found = query_of(self.sign_in_there(**claims).headers["Location"])
        assert found.get("state") == self.app_state, found
        return found["code"]

    def redeem(self, code: str, verifier: str | None = None, query: str = "", **named: Any) -> TestResponse:
        """The answer to the app that sends the code."""
        body = {"code": code, "code_verifier": verifier or self.verifier}
        return self.client.post(f"{AUTH}/providers/token{query}", json=body, **named)

    def new_nonce(self) -> str:
        """A nonce for an ID token."""
        return str(self.client.get(f"{AUTH}/id-token/nonce").json["nonce"])  # type: ignore[index]

    def send_id_token(self, token: str, nonce: str | None, **more: Any) -> TestResponse:
        """The answer to an app that sends an ID token."""
        body = {"provider": self.id, "id_token": token, "nonce": nonce, **more}
        given = {name: value for name, value in body.items() if value is not None}
        return self.client.post(f"{AUTH}/id-token", json=given)
