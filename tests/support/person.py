"""A person with an account, as journeys use them."""

from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import Client, TestResponse

from tests.support.smtp import FakeSmtpServer

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Calls the API over HTTP and reads the emails that an SMTP server received."""

    client: Client
    auth: Any
    box: FakeSmtpServer
    email: str = "ann@example.com"
    tokens: dict[str, str] = field(default_factory=dict)
    account_id: str = ""

    def sign_up(self) -> TestResponse:
        return self._keep(self.client.post("/api/v1/auth/signup", json=self._credentials()))

    def sign_in(self, password: str = PASSWORD, **headers: str) -> TestResponse:
        body = self._credentials() | {"password": password}
        return self._keep(self.client.post("/api/v1/auth/login", json=body, headers=headers))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return self.client.open(f"/api/v1/{path}", method=method, json=body, headers=headers)

    def send(self, path: str, **body: Any) -> TestResponse:
        """A request that nobody signed in sends."""
        return self.client.post(f"/api/v1/{path}", json=body)

    def choose_new_password(self) -> TestResponse:
        """Follow the link of the newest email for a new password, and sign in with it."""
        token = self.link("Choose a new password", "reset-password")
        assert self.send("reset-password", reset_token=token, password="a new horse battery").status_code == 200
        return self.sign_in("a new horse battery")

    def letters(self) -> list[tuple[str, str]]:
        """Whom every letter so far went to, and its subject."""
        while self.auth.mail_delivery.deliver_due():
            pass
        return [(letter.recipients[0], letter.subject) for letter in self.box.messages]

    def newest(self, subject: str) -> str:
        """The text of the newest email whose subject holds this."""
        self.letters()
        return next(letter.text for letter in reversed(self.box.messages) if subject in letter.subject)

    def link(self, subject: str, page: str) -> str:
        """The token of the link to a page of ours in that email."""
        word = next(word for word in self.newest(subject).split() if f"/{page}#token=" in word)
        return word.partition("#token=")[2]

    def code(self, subject: str) -> str:
        """The code in that email."""
        return next(word for word in self.newest(subject).split() if len(word) == 9 and word[4] == "-")

    def _credentials(self) -> dict[str, str]:
        return {"email": self.email, "password": PASSWORD}

    def _keep(self, answer: TestResponse) -> TestResponse:
        if answer.status_code < 300 and "access_token" in (answer.json or {}):
            self.tokens = answer.json
        return answer
