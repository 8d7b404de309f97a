"""Many sign-ins to one account at once: right ones never count, wrong ones tell no more than serial ones."""

import base64
import http.client
import json
import threading
from collections import Counter
from functools import partial
from urllib.parse import urlsplit

import bcrypt
import pytest

from tests.support.api import ANN, NEW, bearer, forgot_password, is_problem, sign_up, sql
from tests.support.concurrency import together

BURST = 10  # RATELIMIT_GUESSES
MANY = 64
WRONG = "wrong horse battery"
pytestmark = pytest.mark.settings(ratelimit_enabled=True)


def post(app, path, number, body, **headers):
    """Send this from an IP address of one's own."""
    remote = {"REMOTE_ADDR": f"198.51.100.{number}"}
    return app.test_client().post(f"/api/v1{path}", json=body, headers=headers, environ_base=remote)


def log_in(app, number, password=ANN["password"]):
    """Sign in as Ann."""
    return post(app, "/auth/login", number, ANN | {"password": password})


def ask_with_basic(app, number):
    """Ask for Ann's account by Basic."""
    credentials = base64.b64encode(f"{ANN['email']}:{ANN['password']}".encode()).decode()
    headers, remote = {"Authorization": f"Basic {credentials}"}, {"REMOTE_ADDR": f"198.51.100.{number}"}
    return app.test_client().get("/api/v1/account", headers=headers, environ_base=remote)


@pytest.mark.settings(basic_auth=True)
@pytest.mark.parametrize("sign_in", [log_in, ask_with_basic])
def test_parallel_correct_logins_do_not_lock_the_account(app, client, sign_in):
    sign_up(client)
    answers = together([partial(sign_in, app, number) for number in range(MANY)])
    assert [answer.status_code for answer in answers] == [200] * MANY


def test_parallel_correct_passwords_of_one_session_do_not_lock(app, client):
    token = bearer(sign_up(client)["access_token"])
    again = [
        partial(post, app, "/auth/reauthenticate", number, {"password": ANN["password"]}, **token)
        for number in range(MANY)
    ]
    assert [answer.status_code for answer in together(again)] == [204] * MANY


def test_parallel_wrong_passwords_are_counted_like_serial_ones(app, client):
    sign_up(client)
    answers = together([partial(log_in, app, number, WRONG) for number in range(MANY)])
    assert Counter(answer.status_code for answer in answers) == {401: BURST, 429: MANY - BURST}


def test_a_right_password_that_ends_after_the_limit_is_refused(app, client, monkeypatch):
    sign_up(client)
    begun, others_are_done, hashpw = threading.Event(), threading.Event(), bcrypt.hashpw

    def wait_at_first(secret, salt):
        if not begun.is_set():
            begun.set()
            assert others_are_done.wait(30)
        return hashpw(secret, salt)

    def guess_meanwhile():
        assert begun.wait(30)
        try:
            return [log_in(app, number, WRONG).status_code for number in range(1, BURST + 1)]
        finally:
            others_are_done.set()

    monkeypatch.setattr(bcrypt, "hashpw", wait_at_first)
    right, wrong = together([partial(log_in, app, 0), guess_meanwhile])
    assert wrong == [401] * BURST
    assert is_problem(right, 429, "too_many_requests")
    assert 890 <= int(right.headers["Retry-After"]) <= 900
    [(details,)] = sql(app, "SELECT details FROM audit_events WHERE event = 'login.failed' ORDER BY id DESC LIMIT 1")
    assert json.loads(details) == {"reason": "rate_limited"}


@pytest.fixture
def two_processes(settings, redis_url, process_pool):
    """Two processes that count together, behind a proxy. They wait for Redis for as long as a busy machine takes."""
    shared = settings.model_copy(update={"redis_url": f"{redis_url}?socket_timeout=30&socket_connect_timeout=30"})
    return [process_pool.serve(shared) for _ in range(2)]


def guess_through_a_proxy(base, number):
    """The status of one wrong password, sent by a proxy for a client of its own."""
    connection = http.client.HTTPConnection(urlsplit(base).hostname, urlsplit(base).port, timeout=60)
    headers = {"Content-Type": "application/json", "X-Forwarded-For": f"198.51.100.{number}"}
    connection.request("POST", "/api/v1/auth/login", json.dumps(ANN | {"password": WRONG}), headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.settings(trusted_proxies="127.0.0.1")
def test_two_processes_count_parallel_guesses_together(client, two_processes):
    sign_up(client)
    guesses = [partial(guess_through_a_proxy, two_processes[number % 2], number) for number in range(MANY)]
    assert Counter(together(guesses)) == {401: BURST, 429: MANY - BURST}


def code_of(mailbox):
    """The code in the newest email."""
    return next(word for word in mailbox.messages[-1].text.split() if len(word) == 9 and word[4] == "-")


def test_code_is_not_consumed_without_a_hash_slot(app, client, auth, mailbox, monkeypatch):
    sign_up(client)
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    body = {"email": ANN["email"], "code": code_of(mailbox), "password": NEW}
    slots = app.extensions["latchkey"].password_reset.passwords._slots
    monkeypatch.setattr(slots, "_places", 0)
    monkeypatch.setattr(slots, "_max_blocked", 0)
    busy = [post(app, "/reset-password", number, body).status_code for number in range(2 * BURST)]
    monkeypatch.undo()
    assert busy == [503] * 2 * BURST
    assert post(app, "/reset-password", 99, body).status_code == 200


def test_parallel_right_codes_leave_the_account_open(app, client, auth, mailbox):
    sign_up(client)
    forgot_password(client)
    auth.mail_delivery.deliver_due()
    body = {"email": ANN["email"], "code": code_of(mailbox), "password": NEW}
    answers = together([partial(post, app, "/reset-password", number, body) for number in range(24)])
    assert Counter(answer.status_code for answer in answers)[200] == 1
    assert post(app, "/auth/login", 99, ANN | {"password": NEW}).status_code == 200
