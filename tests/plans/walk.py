"""A walk through all routes and background tasks, so that every statement of the service runs."""

from threading import Event
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.plans.factors import walk_enrolment, walk_factors, walk_passkeys
from tests.plans.providers import walk_providers
from tests.support.api import sql
from tests.support.authenticator import Authenticator
from tests.support.lying_provider import LyingProvider
from tests.support.person import PASSWORD, Person
from tests.support.smtp import FakeSmtpServer

NEW = "a new horse battery"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"}


class Walk:
    """Calls the routes one after the other and notes them in `visited`, as method and rule."""

    def __init__(self, app: Flask, auth: Any, mailbox: FakeSmtpServer, provider: LyingProvider) -> None:
        self._app, self._auth, self._mailbox, self._provider = app, auth, mailbox, provider
        self._client = app.test_client()
        self.visited: set[tuple[str, str]] = set()
        self._persons = 0

    def all(self) -> None:
        """The whole walk."""
        self._sign_in_and_out()
        self._own_account()
        self._verify()
        self._change_email()
        self._passwords()
        self._administer()
        self._operate()
        self._leave()
        walk_factors(self._app, self._note, self._emailed)
        walk_enrolment(self._app, self._note)
        walk_passkeys(self._app, self._note)
        self._sign_in_by_email()
        walk_providers(self._app, self._note, self._provider)
        self._in_the_background()

    def _sign_in_and_out(self) -> None:
        ann = self._person()
        self.call("POST", "auth/login", ann, email=ann.email, password="wrong horse battery", expect=401)
        self.call("POST", "auth/login", ann, email="unknown@example.com", password=PASSWORD, expect=401)
        ann.sign_in(**FIREFOX)
        for _ in range(2):  # the second time within the grace period
            self.call("POST", "auth/refresh", refresh_token=ann.tokens["refresh_token"])
        self.call("POST", "auth/reauthenticate", ann, password=PASSWORD)
        for scope in ("others", "this"):
            self.call("POST", f"auth/logout?scope={scope}", ann)
        ann.sign_in()
        self.call("POST", "auth/logout?scope=all", ann)
        self.call("POST", "auth/login?transport=cookie", email=ann.email, password=PASSWORD)
        self.call("GET", "auth/csrf")

    def _own_account(self) -> None:
        ann = self._person()
        ann.sign_in(**FIREFOX)
        self.call("GET", "account", ann)
        self.call("PATCH", "account", ann, first_name="Ann")
        after = self.call("GET", "account/activity?limit=1", ann).json["next"]
        self.call("GET", f"account/activity?limit=1&after={after}", ann)
        self.call("GET", "account/export", ann)
        sessions = self.call("GET", "account/sessions", ann).json["sessions"]
        other = next(session["id"] for session in sessions if not session["current"])
        self.call("DELETE", f"account/sessions/{other}", ann)

    def _verify(self) -> None:
        ann = self._person()
        self.call("POST", "verify-email/resend", ann)
        self.call("POST", "verify-email", token=ann.link("confirm your address", "verify-email"))
        bob = self._person()  # only now: links and codes are read from the newest email
        self.call("POST", "verify-email", email=bob.email, code="BCDF-GHJK", expect=400)
        self.call("POST", "verify-email", email=bob.email, code=bob.code("confirm your address"))
        eve = self._person()
        self.call("POST", "verify-email/claim", token=eve.link("confirm your address", "verify-email"))

    def _change_email(self) -> None:
        ann = self._person()
        self.call("PUT", "account/email", ann, email=f"new.{ann.email}")
        self.call("POST", "account/email/confirm", token=ann.link("confirm your new", "confirm-email"))
        self.call("POST", "account/email/undo", token=ann.link("has a new address", "undo-email-change"))
        eve = self._person()
        self.call("PUT", "account/email", eve, email=f"new.{eve.email}")
        self.call("POST", "account/email/confirm-code", eve, code=eve.code("confirm your new"))

    def _passwords(self) -> None:
        ann = self._person()
        self.call("PUT", "account/password", ann, current_password=PASSWORD, password=NEW)
        self.call("POST", "not-me", token=ann.link("password was changed", "not-me"))
        self.call("POST", "forgot-password", email="unknown@example.com")
        bob = self._person()
        self.call("POST", "forgot-password", email=bob.email)
        self.call(
            "POST", "reset-password", reset_token=bob.link("Choose a new password", "reset-password"), password=NEW
        )
        eve = self._person()
        self.call("POST", "forgot-password", email=eve.email)
        code = eve.code("Choose a new password")
        self.call("POST", "reset-password", email=eve.email, code="BCDF-GHJK", password=NEW, expect=400)
        self.call("POST", "reset-password", email=eve.email, code=code, password=NEW)

    def _sign_in_by_email(self) -> None:
        for use in ("link", "code", "wrong"):
            ann = self._person()
            attempt = self.call("POST", "auth/email", email=ann.email).json["attempt"]
            if use == "link":
                token = ann.link("Your link to sign in", "sign-in/link")
                self.call("POST", "auth/email/link/check", token=token, attempt=attempt)
                self.call("POST", "auth/email/link", token=token, attempt=attempt)
            else:
                code = ann.code("Your link to sign in")
                self.call("POST", "auth/email/code", attempt=attempt, code="BCDF-GHJK", expect=400)
                self.call("POST", "auth/email/code", attempt=attempt, code=code)

    def _administer(self) -> None:
        ada, bob = self._person(), self._person()
        self._promote(ada)
        invited = self.call("POST", "admin/users", ada, email="invited@example.com").json["id"]
        users = ("limit=1", "search=person00000123@example.com", "search=person00000123@", f"search={invited}",
                 "state=disabled", "state=deleting", "state=active", "search=erson",
                 "search=erson&state=active")  # fmt: skip
        after = self.call("GET", "admin/users?limit=1", ada).json["next"]
        for query in (*users, f"limit=1&after={after}"):
            self.call("GET", f"admin/users?{query}", ada)
        user = f"admin/users/{bob.account_id}"
        self.call("GET", user, ada)
        self.call("PATCH", user, ada, first_name="Bob", email=f"right.{bob.email}")
        self.call("POST", f"{user}/disable", ada)
        self.call("POST", f"{user}/enable", ada)
        self.call("PUT", f"{user}/roles", ada, roles=["admin", "editor"])
        self.call("PUT", f"{user}/roles", ada, roles=[])
        self.call("PUT", f"{user}/claims", ada, claims={"plan": "team"})
        self.call("POST", f"{user}/reset", ada)
        eve = self._person()
        sessions = f"admin/users/{eve.account_id}/sessions"
        first = self.call("GET", sessions, ada).json["sessions"][0]["id"]
        self.call("DELETE", f"{sessions}/{first}", ada)
        self.call("DELETE", sessions, ada)
        self.call("DELETE", f"admin/users/{eve.account_id}/factors", ada)
        self._invite(ada)
        self.call("DELETE", f"admin/users/{invited}", ada)

    def _invite(self, ada: Person) -> None:
        for name in ("guest", "visitor"):
            invited = self.call("POST", "admin/users", ada, email=f"{name}@example.com").json["id"]
            self.call("POST", f"admin/users/{invited}/invitation", ada)
        after = self.call("GET", "admin/invitations?limit=1", ada).json["next"]
        self.call("GET", f"admin/invitations?limit=1&after={after}", ada)
        token = self._emailed("reset-password")
        options = self.call("POST", "auth/invitation/passkey/options", token=token).json["publicKey"]
        self.call("POST", "auth/invitation/passkey", token=token, credential=Authenticator().create(options))
        guest = sql(self._app, "SELECT id FROM accounts WHERE email_canonical = 'guest@example.com'")[0][0]
        self.call("DELETE", f"admin/users/{guest}/invitation", ada)

    def _operate(self) -> None:
        ada = self._person()
        self._promote(ada)
        for path in ("admin/audit", "admin/mail", "admin/mail?state=sent"):
            joined = "&" if "?" in path else "?"
            after = self.call("GET", f"{path}{joined}limit=1", ada).json["next"]
            self.call("GET", f"{path}{joined}limit=1&after={after}", ada)
        self.call("GET", f"admin/audit?account={ada.account_id}", ada)
        self.call("GET", "admin/audit?event=email.changed", ada)
        (mail_id,) = sql(self._app, "SELECT max(id) FROM outbox")[0]
        sql(self._app, "UPDATE outbox SET state = 'dead', attempts = 9 WHERE id = :id", id=mail_id)
        self.call("POST", f"admin/mail/{mail_id}/retry", ada)
        self.call("GET", "admin/keys", ada)
        self.call("GET", "admin/figures", ada)
        self.call("POST", "admin/keys/rotate", ada)
        for path in ("/readyz", "/healthz", "/.well-known/jwks.json", "/.well-known/openid-configuration",
                     "/.well-known/oauth-authorization-server", "/.well-known/webauthn", "/.well-known/assetlinks.json",
                     "/.well-known/apple-app-site-association"):  # fmt: skip
            self.call("GET", path)

    def _leave(self) -> None:
        ann, eve = self._person(), self._person()
        self.call("DELETE", "account", ann, password=PASSWORD)
        self.call("DELETE", "account", eve, password=PASSWORD)
        eve.sign_in()  # which cancels it
        sql(self._app, "UPDATE accounts SET deletes_at = created_at WHERE id = :id", id=ann.account_id)

    def _in_the_background(self) -> None:
        with self._app.app_context():
            while self._auth.mail_delivery.deliver_due():
                pass
            self._auth.audit_sealing.seal()
            self._auth.audit_sealing.verify()
            one_batch = Event()
            one_batch.set()
            assert self._auth.cleanup.run_if_due(one_batch)
            self._auth.stats.database()
            self._auth.mail_queue.retry_dead()

    def _emailed(self, page: str) -> str:
        """The token of the newest emailed link to a page."""
        while self._auth.mail_delivery.deliver_due():
            pass
        words = (word for email in self._mailbox.messages for word in email.text.split())
        return [word.partition("#token=")[2] for word in words if f"/{page}#token=" in word][-1]

    def _promote(self, person: Person) -> None:
        sql(self._app, "UPDATE accounts SET roles = 'admin' WHERE id = :id", id=person.account_id)

    def _person(self) -> Person:
        self._persons += 1
        person = Person(self._app.test_client(), self._auth, self._mailbox, f"walker{self._persons}@example.com")
        self._note("POST", "/api/v1/auth/signup", person.sign_up())
        person.account_id = person.ask("GET", "account").json["id"]
        return person

    def call(
        self, method: str, path: str, person: Person | None = None, expect: int = 200, **body: object
    ) -> TestResponse:
        """Send a request, with the person's access token if there is one. `expect` is 200 for any success."""
        path = path if path.startswith("/") else f"/api/v1/{path}"
        client = person.client if person else self._client
        headers = {"Authorization": f"Bearer {person.tokens['access_token']}"} if person and person.tokens else {}
        answer = client.open(path, method=method, json=body or None, headers=headers)
        assert (answer.status_code == expect) if expect != 200 else (answer.status_code < 400), (path, answer.text)
        return self._note(method, path, answer)

    def _note(self, method: str, path: str, answer: TestResponse) -> TestResponse:
        rule, _ = self._app.url_map.bind("localhost").match(path.partition("?")[0], method, return_rule=True)
        self.visited.add((method, rule.rule))
        return answer
