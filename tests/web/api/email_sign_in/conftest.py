"""People who ask for a sign-in email, and read it."""

import re

import pytest

from tests.support.api import ANN, bearer, sign_up, sql


class Asker:
    """One client that asks for a sign-in email, and what came."""

    def __init__(self, client, auth, mailbox):
        self.client, self._auth, self._mailbox = client, auth, mailbox
        self.attempt = self.token = self.code = None

    def ask(self, email=ANN["email"], **headers):
        """Ask for the email, and read it if there is one."""
        answer = self.client.post("/api/v1/auth/email", json={"email": email}, headers=headers)
        assert answer.status_code == 202, answer.text
        self.attempt, self.token, self.code = answer.json["attempt"], None, None
        self.read()
        return answer

    def read(self):
        """Deliver what is queued, and read the newest sign-in email."""
        while self._auth.mail_delivery.deliver_due():
            pass
        for message in self._mailbox.messages:
            if found := re.search(r"#token=(\S+)", message.text) if "sign-in/link" in message.text else None:
                self.token, self.code = found[1], re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", message.text)[0]

    def emails(self):
        """How many sign-in emails came."""
        return sum("/sign-in/link#" in message.text for message in self._mailbox.messages)

    def check(self, **changes):
        """What the link does."""
        body = {"token": self.token, "attempt": self.attempt} | changes
        return self.client.post("/api/v1/auth/email/link/check", json=_given(body))

    def by_link(self, query="", client=None, **changes):
        """Press the button of the page of the link."""
        body = {"token": self.token, "attempt": self.attempt} | changes
        return (client or self.client).post(f"/api/v1/auth/email/link{query}", json=_given(body))

    def by_code(self, query="", client=None, **changes):
        """Type the code."""
        body = {"attempt": self.attempt, "code": self.code} | changes
        return (client or self.client).post(f"/api/v1/auth/email/code{query}", json=_given(body))


def _given(body):
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def asker(app, auth, mailbox):
    """A client without cookies: nothing shows that it is the one that signed up."""
    return Asker(app.test_client(use_cookies=False), auth, mailbox)


@pytest.fixture
def ann(app, client):
    """Ann's tokens. She has a password, and has confirmed her address."""
    tokens = sign_up(client)
    sql(app, "UPDATE accounts SET email_verified_at = created_at, unverified_since = NULL")
    return tokens


def own(client, tokens, method, path, **body):
    """A request in a session."""
    return client.open(f"/api/v1{path}", method=method, json=body or None, headers=bearer(tokens["access_token"]))
