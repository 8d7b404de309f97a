"""The app as its clients see it, where every answer is checked and time is what the tests say."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import note
from itsdangerous import URLSafeSerializer

from app.core.database import db
from app.core.errors import ServiceError
from tests.model.expected import CHANGE, NOT_ME, RESET, UNDO, VERIFY, Link, now
from tests.support.smtp import ReceivedMessage
from tests.test_docs import API, table

ADMIN = {"email": "admin@example.com", "password": "the horse of an administrator"}
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")
KEPT_TABLES = {"signing_keys"}  # the app has them in memory
DOCUMENTED = {code.strip("`") for code, *_ in table(API, "## Codes")}
PEOPLE = {  # each with a device and a network of their own
    "owner": ("192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"),
    "stranger": ("198.51.100.9", "okhttp/4.9.1"),
    "admin": ("203.0.113.1", "curl/8.0"),
}
DATABASE_NOW = re.compile(r"strftime\('[^']+', 'now'\)|clock_timestamp\(\)")
MOST_STATEMENTS = {  # the most that each route took in a long run
    "POST auth/signup": 6,
    "POST auth/login": 7,
    "POST auth/refresh": 4,
    "POST auth/reauthenticate": 3,
    "POST auth/logout?scope={scope}": 3,
    "GET account": 1,
    "DELETE account": 11,
    "PUT account/password": 8,
    "PUT account/email": 7,
    "POST account/email/confirm": 11,
    "POST account/email/undo": 12,
    "GET account/sessions": 2,
    "DELETE account/sessions/{id}": 3,
    "POST verify-email": 7,
    "POST verify-email/claim": 13,
    "POST verify-email/resend": 1,
    "POST not-me": 9,
    "POST forgot-password": 1,
    "POST reset-password": 12,
    "POST admin/users/{id}/disable": 8,
    "POST admin/users/{id}/enable": 4,
}


class Answer:
    """The status and the JSON of an answer."""

    def __init__(self, status: int, json: Any) -> None:
        self.status, self.json = status, json or {}

    @property
    def code(self) -> str | None:
        """The error code; None for a success."""
        return self.json["code"] if self.status >= 400 else None


class Service:
    """Sends requests to the app and reads its emails. One for all examples of a test."""

    def __init__(self, app: Any, auth: Any, mailbox: Any, traveller: Any) -> None:
        self.app, self.client, self.auth = app, app.test_client(use_cookies=False), auth
        self.mailbox, self.traveller, self.start = mailbox, traveller, now()
        self.count = 0  # of statements since the latest request began
        self.checks: dict[str, Callable[[str], object]] = {
            RESET: auth.password_reset.check,
            VERIFY: auth.email_verification.check,
            CHANGE: auth.email_change.check,
            UNDO: auth.email_change.check_undo,
            NOT_ME: auth.account_recovery.check,
        }

    def start_over(self) -> None:
        """Empty tables and mailboxes, the first moment, an administrator."""
        with self.app.app_context(), db.engine.begin() as connection:
            for each in reversed(db.metadata.sorted_tables):
                if each.name not in KEPT_TABLES:
                    connection.execute(each.delete())
        self.traveller.move_to(self.start)
        self.mailbox.clear()
        self.auth.admin_accounts.create_with_password(**ADMIN, roles=["admin"])

    def ask(self, route: str, person: str, bearer: str = "", **given: Any) -> Answer:
        """Send a request, and check what holds for every answer. Values named in the path go there."""
        method, path = route.format(**given).split()
        body = {name: value for name, value in given.items() if value is not None and f"{{{name}}}" not in route}
        ip, user_agent = PEOPLE[person]
        headers = {"User-Agent": user_agent} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        self.count = 0
        answer = self.client.open(
            f"/api/v1/{path}", method=method, json=body or None, headers=headers, environ_base={"REMOTE_ADDR": ip}
        )
        found = Answer(answer.status_code, answer.json)
        note(f"{person}: {method} {path} {body} -> {found.status} {found.code or ''}")
        assert found.status < 500, answer.text
        assert found.code is None or found.code in DOCUMENTED
        assert self.count <= MOST_STATEMENTS[route], (route, self.count)
        return found

    def refusal(self, link: Link) -> str | None:
        """The error code for a link that is looked at and not used; None if it would work."""
        try:
            self.checks[link.purpose](link.token)
        except ServiceError as error:
            return error.code
        return None

    def deliver(self) -> Iterator[ReceivedMessage]:
        """Send what is due; each email that arrived since the last time."""
        while self.auth.mail_delivery.deliver_due():
            pass
        emails, self.mailbox.messages = self.mailbox.messages, []
        yield from emails

    def advance(self, time: timedelta) -> None:
        """Let time pass, for the app, its tokens and the database."""
        self.traveller.shift(time)
        note(f"--- {time} later")

    def clean_up(self) -> None:
        """What the service does every few minutes."""
        self.auth.cleanup.run()
        note("--- cleanup")

    @contextmanager
    def watch_statements(self) -> Iterator[None]:
        """Count statements, and let the database have the tests' time."""

        def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            # Any request may be the one that finds the signing keys no longer in memory.
            self.count += not statement.startswith(TRANSACTION) and "FROM signing_keys" not in statement
            return DATABASE_NOW.sub(self._time_as_sql, statement), parameters

        with self.app.app_context(), ExitStack() as stack:
            for engine in db.engines.values():
                engine.dispose()
                for event, listener in (("connect", _skip_fsync), ("before_cursor_execute", look)):
                    sa.event.listen(engine, event, listener, retval=event != "connect")
                    stack.callback(sa.event.remove, engine, event, listener)
                stack.callback(engine.dispose)
            yield

    def _time_as_sql(self, found: re.Match[str]) -> str:
        moment = datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"timestamptz '{moment}+00'" if "clock" in found[0] else f"'{moment}'"


def _skip_fsync(connection: Any, _record: object) -> None:
    # No power cut is tested here, and waiting for the disk would take most of the time.
    on_sqlite = type(connection).__module__.startswith("sqlite3")
    connection.execute("PRAGMA synchronous=OFF" if on_sqlite else "SET synchronous_commit=off")
    connection.commit()


def links_in(email: ReceivedMessage) -> Iterator[tuple[str, str, str | None]]:
    """Each link of an email: the page it leads to, its token, and the code that does the same."""
    code = next((word for word in email.text.split() if re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", word)), None)
    for page, token in re.findall(r"/([a-z-]+)#token=(\S+)", email.text):
        yield page, token, None if page == "not-me" else code


def account_id_in(token: str) -> str:
    """The account that a link is for, without asking whether its signature is right."""
    return str(URLSafeSerializer("").loads_unsafe(token)[1][0])
