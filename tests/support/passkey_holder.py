"""A person who uses a passkey, and the requests of that person."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.api import ANN, bearer, sign_up
from tests.support.authenticator import Authenticator

SIGN_IN = "/api/v1/auth/passkey"


@dataclass
class PasskeyHolder:
    """Has an account, a browser, and an authenticator."""

    client: Any
    authenticator: Authenticator = field(default_factory=Authenticator)
    email: str = ANN["email"]
    tokens: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, path: str, token: str | None = None, **body: Any) -> Any:
        """Send a request with an access token, by default that of the newest session."""
        token = token or self.tokens["access_token"]
        return self.client.open(f"/api/v1{path}", method=method, json=body or None, headers=bearer(token))

    def sign_up(self) -> "PasskeyHolder":
        """Create the account with a password, and add a passkey."""
        self.tokens = sign_up(self.client, email=self.email)
        answer = self.add_passkey()
        assert answer.status_code == 201, answer.text
        return self

    def sign_up_without_password(self, **changes: Any) -> Any:
        """The answer to a sign-up with a passkey alone."""
        options = self.sign_up_options()
        credential = self.authenticator.create(options, **changes)
        answer = self.client.post(f"{SIGN_IN}/sign-up", json={"email": self.email, "credential": credential})
        if answer.status_code == 201:
            self.tokens = answer.json
        return answer

    def sign_up_options(self) -> dict[str, Any]:
        """How to create a passkey for a new account."""
        answer = self.client.post(f"{SIGN_IN}/sign-up/options", json={"email": self.email})
        assert answer.status_code == 200, answer.text
        return dict(answer.json["publicKey"])

    def creation_options(self) -> dict[str, Any]:
        """How to add a passkey to the account."""
        answer = self.call("POST", "/account/passkeys/options")
        assert answer.status_code == 200, answer.text
        return dict(answer.json["publicKey"])

    def add_passkey(self, **changes: Any) -> Any:
        """The answer to one more passkey."""
        credential = self.authenticator.create(self.creation_options(), **changes)
        return self.call("POST", "/account/passkeys", credential=credential)

    def passkeys(self) -> list[dict[str, Any]]:
        """The passkeys that the account lists."""
        return list(self.call("GET", "/account/passkeys").json["passkeys"])

    def request_options(self, **body: Any) -> dict[str, Any]:
        """How to sign in."""
        answer = self.client.post(f"{SIGN_IN}/options", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json["publicKey"])

    def assertion(self, **changes: Any) -> dict[str, Any]:
        """What the browser sends to sign in."""
        return self.authenticator.get(self.request_options(), **changes)

    def send(self, credential: dict[str, Any], query: str = "") -> Any:
        """The answer to this response of an authenticator."""
        return self.client.post(SIGN_IN + query, json={"credential": credential})

    def sign_in(self, **changes: Any) -> Any:
        """The answer to a sign-in."""
        return self.send(self.assertion(**changes))

    def reauthentication_options(self, token: str | None = None) -> dict[str, Any]:
        """How to reauthenticate in the newest session, or in that of the token."""
        return dict(self.call("POST", "/auth/reauthenticate/options", token).json["publicKey"])

    def reauthenticate(self, credential: dict[str, Any] | None = None) -> Any:
        """The answer to a passkey in the newest session."""
        credential = credential or self.authenticator.get(self.reauthentication_options())
        return self.call("POST", "/auth/reauthenticate", passkey=credential)
