"""A whole life of accounts over HTTP, and then a search: no secret that works lies in tables, files or logs."""

import logging
import re
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from app.core.database import db
from run import Handler
from tests.journeys.conftest import in_one_process
from tests.support.api import sql
from tests.support.log_recorder import LogRecorder
from tests.support.secret_scanner import RecordingClient, encodings_of, found

ANN, BOB, MOVED = "ann@example.com", "bob@example.com", "ann@example.org"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
FIRST, SECOND, THIRD, FOURTH, FIFTH = (f"{word} hörse+bättery/%?&=\"'" for word in ("one", "two", "red", "far", "old"))
FORMER_KEY, AT_REST, FORMER_AT_REST = (f"{word} secret of no fewer than 32 bytes" for word in ("an old", "a", "no new"))
WRONG = ("never my password", "nor%20this <one>", "jämmerlich vertippt")
KINDS = {
    "password", "credentials", "access_token", "refresh_token", "csrf_token", "link", "code", "secret key",
    "private key", "idempotency key", "cookie latchkey_access", "cookie latchkey_refresh", "cookie latchkey_csrf",
    "cookie latchkey_device", "attempt",
}  # fmt: skip


@pytest.fixture
def log(tmp_path):
    """All that is logged from before the app is made, the statements and rows of the database too."""
    with LogRecorder(tmp_path / "log").recording() as log:
        yield log


@pytest.fixture
def processes(settings, clock, process_pool, log):
    """Two that log what this one logs."""
    return [process_pool.serve(settings, clock=clock, log=log.file) for _ in range(2)]


@pytest.fixture
def recorder(log, site, settings):
    """A client of the site over HTTP, behind the server that a developer starts, which writes an access log."""
    server = make_server("127.0.0.1", 0, site, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    recorder = RecordingClient(server.port)
    recorder.secrets["secret key"] |= {settings.secret_key, *settings.secret_key_fallbacks}
    recorder.secrets["secret key"] |= {settings.key_encryption_secret, *settings.key_encryption_secret_fallbacks} - {""}
    yield recorder
    server.shutdown()
    thread.join()
    server.server_close()


class House:
    """The service from within: its emails, its commands, and all that it keeps."""

    def __init__(self, app, auth, mailbox, recorder, settings):
        self._app, self._auth, self._mailbox, self._recorder = app, auth, mailbox, recorder
        self._database, self._pieces, self.printed = settings.database_url, {b""}, b""

    @property
    def kept(self):
        """All that the database ever held when we looked."""
        return b"\n".join(self._pieces)

    def emails(self, subject=""):
        """The text of the newest email that has this in its subject. Looks at all that is kept meanwhile."""
        self.look()
        while self._auth.mail_delivery.deliver_due():
            self.look()
        self._recorder.remember_messages(self._mailbox.messages)
        return next(email.text for email in reversed(self._mailbox.messages) if subject in email.subject)

    def link(self, subject, page):
        word = next(word for word in self.emails(subject).split() if f"/{page}#token=" in word)
        return word.partition("#token=")[2]

    def code(self, subject):
        return next(word for word in self.emails(subject).split() if len(word) == 9 and word[4] == "-")

    def look(self):
        """Remember every value of every column of every table, and every page of SQLite's files."""
        with self._app.app_context(), db.engine.connect() as connection:
            for name in sa.inspect(connection).get_table_names():
                rows = connection.execute(sa.text(f"SELECT * FROM {name}"))
                self._pieces |= {str(value).encode() for row in rows for value in row}
        for path in self._database_files():
            head, page = (56, 4_120) if path.name.endswith("-wal") else (0, 4_096)
            data = path.read_bytes()
            self._pieces |= {data[start : start + page] for start in range(head, len(data), page)}

    def _database_files(self):
        url = sa.make_url(self._database)
        file = Path(url.database)
        return file.parent.glob(f"{file.name}*") if url.get_backend_name() == "sqlite" else []

    def command(self, *words):
        """Run a command of `flask`; what it prints is remembered."""
        done = self._app.test_cli_runner().invoke(args=list(words))
        self.printed += done.output.encode()
        assert done.exit_code == 0, done.output
        return done.output

    def hold_keys(self):
        for key, _ in self._auth.key_rotation.all():
            self._recorder.remember_key(key.private)


@pytest.fixture
def house(app, auth, mailbox, recorder, settings):
    return House(app, auth, mailbox, recorder, settings)


def sign_up_and_verify(ask, house):
    for email in (ANN, BOB):
        assert ask("POST", "/api/v1/auth/signup", {"email": email, "password": FIRST})[0] == 201
    link = house.link("confirm your address", "verify-email")
    assert ask("POST", "/api/v1/verify-email", {"token": link})[0] == 200
    ask("POST", "/api/v1/verify-email/resend", {"email": ANN})
    code = {"email": ANN, "code": house.code("confirm your address")}
    assert ask("POST", "/api/v1/verify-email", code | {"code": "BBBB-BBBB"})[0] == 400
    assert ask("POST", "/api/v1/verify-email", code)[0] == 200


def sign_in_every_way(ask, recorder):
    """The newest tokens of a session that was refreshed."""
    for wrong in WRONG:
        assert ask("POST", "/api/v1/auth/login", {"email": ANN, "password": wrong})[0] == 401
        assert ask("POST", "/api/v1/auth/login", {"email": "nobody@example.com", "password": wrong})[0] == 401
        assert ask("GET", "/api/v1/account", basic=(ANN, wrong))[0] == 401
        assert ask("POST", "/api/v1/auth/login", f'{{"email": "{ANN}", "password": "{wrong}"')[0] == 400
        assert ask("POST", "/api/v1/auth/login", {"email": ANN, "password": [wrong], "note": wrong})[0] == 400
    assert ask("GET", "/api/v1/account", basic=(ANN, FIRST))[0] == 200
    login = {"email": ANN, "password": FIRST}
    assert ask("POST", "/api/v1/auth/login?transport=cookie", login, User_Agent=AGENT)[0] == 200
    assert ask("PATCH", "/api/v1/account", {"first_name": "Ann"}, cookies=True)[0] == 200
    assert ask("POST", "/api/v1/auth/refresh", cookies=True)[0] == 200
    assert ask("POST", "/api/v1/auth/login", login, cookies=True)[0] == 200
    _, first = ask("POST", "/api/v1/auth/login", login)
    key = "an idempotency key of my own"
    recorder.secrets["idempotency key"].add(key)
    _, second = ask("POST", "/api/v1/auth/refresh", bearer=first["refresh_token"], Idempotency_Key=key)
    status, third = ask("POST", "/api/v1/auth/refresh", bearer=second["refresh_token"])
    assert (status, ask("GET", "/api/v1/account", bearer="x" + third["access_token"])[0]) == (200, 401)
    assert ask("POST", "/api/v1/auth/refresh", bearer=first["refresh_token"])[0] == 401  # the session is over
    assert ask("GET", f"/api/v1/account?access_token={third['access_token']}")[0] == 401
    return ask("POST", "/api/v1/auth/login", login)[1]


def sign_in_by_email(ask, house):
    for way in ("link", "code"):
        _, asked = ask("POST", "/api/v1/auth/email", {"email": ANN})
        attempt = {"attempt": asked["attempt"]}
        if way == "link":
            link = attempt | {"token": house.link("Your link to sign in", "sign-in/link")}
            assert ask("POST", "/api/v1/auth/email/link/check", link)[0] == 200
            assert ask("POST", "/api/v1/auth/email/link", link)[0] == 200
        else:
            code = attempt | {"code": house.code("Your link to sign in")}
            assert ask("POST", "/api/v1/auth/email/code", attempt | {"code": "BBBB-BBBB"})[0] == 400
            assert ask("POST", "/api/v1/auth/email/code?transport=cookie", code)[0] == 200


def forget_and_reset(ask, house):
    ask("POST", "/api/v1/forgot-password", {"email": ANN})
    link = house.link("Choose a new password", "reset-password")
    assert ask("POST", "/api/v1/reset-password", {"reset_token": link, "password": "short"})[0] == 400
    assert ask("POST", "/reset-password", form={"token": link, "password": "qwertyuiop"})[0] == 400
    assert ask("POST", "/api/v1/reset-password", {"reset_token": link, "password": SECOND})[0] == 200
    assert ask("POST", "/api/v1/reset-password", {"reset_token": link, "password": SECOND})[0] == 400
    ask("POST", "/api/v1/forgot-password", {"email": ANN})
    reset = {"email": ANN, "code": house.code("Choose a new password"), "password": THIRD}
    assert ask("POST", "/api/v1/reset-password", reset)[0] == 200
    return ask("POST", "/api/v1/auth/login", {"email": ANN, "password": THIRD})[1]


def move_and_come_back(ask, house, tokens):
    access = tokens["access_token"]
    wrong, right = ({"email": MOVED, "password": password} for password in (WRONG[0], THIRD))
    assert ask("PUT", "/api/v1/account/email", wrong, bearer=access)[0] == 403
    assert ask("PUT", "/api/v1/account/email", right, bearer=access)[0] == 202
    code = {"code": house.code("confirm your new")}
    assert ask("POST", "/api/v1/account/email/confirm-code", code, bearer=access)[0] == 200
    undo = {"token": house.link("has a new address", "undo-email-change")}
    assert ask("POST", "/api/v1/account/email/undo", undo)[0] == 200
    reset = {"reset_token": house.link("Choose a new password", "reset-password"), "password": FOURTH}
    assert ask("POST", "/api/v1/reset-password", reset)[0] == 200
    alarm = {"token": house.link("password was changed", "not-me")}
    assert ask("POST", "/api/v1/not-me", alarm)[0] == 200
    reset = {"reset_token": house.link("Choose a new password", "reset-password"), "password": FIFTH}
    assert ask("POST", "/api/v1/reset-password", reset)[0] == 200


def rotate_keys(ask, house, clock):
    house.hold_keys()
    house.command("keys", "rotate", "--soon")
    house.command("keys", "rotate", "--soon", "--algorithm", "EdDSA")
    clock.advance(11)
    house.hold_keys()
    house.command("keys", "list")
    house.command("keys", "reencrypt")
    return ask("POST", "/api/v1/auth/login", {"email": ANN, "password": FIFTH})[1]


def take_all_and_leave(ask, house, clock, tokens):
    access = tokens["access_token"]
    change = {"current_password": FIFTH, "password": FIRST}
    assert ask("PUT", "/api/v1/account/password", change, bearer=access)[0] == 204
    for shown in ("export", "activity", "sessions"):
        assert ask("GET", f"/api/v1/account/{shown}", bearer=access)[0] == 200
    assert ask("DELETE", "/api/v1/account", {"password": WRONG[1]}, bearer=access)[0] == 403
    assert ask("DELETE", "/api/v1/account", {"password": FIRST}, bearer=access)[0] == 204
    house.emails()
    house.command("audit", "seal")
    house.command("audit", "verify")
    listed = house.command("mail", "list", "--limit", "1000")
    house.command("accounts", "list")
    for number in re.findall(r"^ *(\d+)  ", listed, re.MULTILINE):
        house.command("mail", "show", number)
    clock.advance(days=8)
    house.command("cleanup", "run")
    house.look()


@pytest.mark.settings(
    basic_auth=True, metrics="on", secret_key_fallbacks=[FORMER_KEY], key_encryption_secret=AT_REST,
    key_encryption_secret_fallbacks=[FORMER_AT_REST],
)  # fmt: skip
def test_after_a_whole_life_no_secret_lies_anywhere(recorder, house, log, clock, capfd):
    ask = recorder.ask
    sign_up_and_verify(ask, house)
    recorder.ask("POST", "/api/v1/auth/logout?scope=all", bearer=sign_in_every_way(ask, recorder)["access_token"])
    sign_in_by_email(ask, house)
    move_and_come_back(ask, house, forget_and_reset(ask, house))
    take_all_and_leave(ask, house, clock, rotate_keys(ask, house, clock))
    status, figures = ask("GET", "/metrics")
    assert (status, "latchkey_requests_total" in figures) == (200, True)

    printed = "".join(capfd.readouterr())
    places = {
        "tables and files": house.kept, "commands": house.printed, "figures": figures.encode(),
        "log": log.text.encode(), "output": printed.encode(),
    }  # fmt: skip
    assert recorder.secrets.keys() >= KINDS
    assert [(place, kind) for place, content in places.items() for kind in found(recorder.secrets, content)] == []
    assert found({"password": recorder.secrets["password"]}, "\n".join(recorder.answers).encode()) == set()
    # The search looked where there is something: people, statements, requests.
    assert BOB.encode() in house.kept
    assert "INSERT INTO sessions" in log.text
    assert "POST /api/v1/auth/login" in printed + log.text


@pytest.mark.settings(compat_api=True)
def test_compat_api_stores_no_password_or_reset_token(recorder, house, log):
    bob = {"email": BOB, "password": FIRST}
    assert recorder.ask("POST", "/users", form=bob)[0] == 200
    assert recorder.ask("POST", "/sessions", form=bob | {"password": WRONG[0]})[0] == 401
    assert recorder.ask("POST", "/sessions", form=bob)[0] == 200
    _, handed = recorder.ask("POST", "/reset_password", form={"email": BOB})
    new = {"email": BOB, "reset_token": handed["reset_token"], "new_password": SECOND}
    house.look()
    assert recorder.ask("PUT", "/reset_password", form=new)[0] == 200
    house.emails()
    secrets = {kind: recorder.secrets[kind] for kind in ("password", "reset_token", "link", "code")}
    assert all(secrets.values())
    assert found(secrets, house.kept) == set()
    assert found(secrets, log.text.encode()) == set()


@pytest.mark.parametrize("kind", ["password", "link", "code"])
def test_the_search_finds_a_secret_however_it_is_written(kind):
    secret = {"password": FIRST, "link": "WyJhIl0.c2lnbmF0dXJl", "code": "WDJB-MJHT"}[kind]
    for form in encodings_of(kind, secret):
        assert found({kind: {secret}}, b"... " + form + b" ...") == {kind}


@in_one_process  # whose database is a file
def test_the_search_reaches_every_place(app, recorder, house, log):
    recorder.ask("POST", "/api/v1/auth/signup", {"email": ANN, "password": FIRST})
    for name in (SECOND, None):
        sql(app, "UPDATE accounts SET last_name = :name", name=name)
    house.look()
    assert found({"in a file, no more in a row": {SECOND}}, house.kept) == {"in a file, no more in a row"}
    logging.getLogger("somebody").debug("saying %s", THIRD)
    assert found({"logged": {THIRD}}, log.text.encode()) == {"logged"}
