"""A forgotten password, from the email to the new one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.client_info import ClientInfo
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.passwords import PasswordTooShort
from app.domain.tokens.links import LinkExpired, LinkInvalid, Links, LinkUsed
from tests.support.api import PASSWORD, dump_tables, forgot_password, log_in, me, refresh, reset, sign_up, sql

NEW = "a new horse battery"
HOME = ClientInfo("192.0.2.7", "Latchkey test")


everywhere = pytest.mark.usefixtures("each_database", "ann")


@pytest.fixture
def ann(client):
    """Ann's tokens."""
    return sign_up(client)


@pytest.fixture
def email(client, auth, mailbox):
    """Have an email sent to an address; gives the last one that came."""

    def send(email="ann@example.com"):
        forgot_password(client, email)
        auth.mail_delivery.deliver_due()
        return mailbox.messages[-1]

    return send


@pytest.mark.usefixtures("ann")
def test_a_link_changes_the_password(client, email):
    assert reset(client, email().token, NEW).status_code == 200
    assert [log_in(client, password=password).status_code for password in (PASSWORD, NEW)] == [401, 200]


@everywhere
def test_a_reset_ends_every_session(client, email, ann):
    devices = [ann, log_in(client).json, log_in(client).json]
    reset(client, email().token)
    assert {act(client, tokens).status_code for tokens in devices for act in (me, refresh)} == {401}


@everywhere
def test_a_link_works_once(auth, email):
    token = email().token
    auth.password_reset.complete(token, NEW, HOME)
    with pytest.raises(LinkUsed):
        auth.password_reset.complete(token, "yet another password", HOME)


@everywhere
def test_of_many_uses_at_once_one_counts(app, email):
    token = email().token
    passwords = [f"the password of {number}" for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda password: reset(app.test_client(), token, password), passwords))
    winners = [password for password, answer in zip(passwords, answers, strict=True) if answer.status_code == 200]
    assert sorted(answer.json.get("code", "") for answer in answers) == [""] + ["link_used"] * 5
    assert [log_in(app.test_client(), password=password).status_code for password in winners] == [200]


@pytest.mark.settings(reset_link_expires=600)
def test_a_link_dies_with_its_time(auth, client, email, clock):
    sign_up(client)
    clock.hold()
    token = email().token
    clock.advance(599)
    auth.password_reset.check(token)
    clock.advance(1)
    with pytest.raises(LinkExpired):
        auth.password_reset.complete(token, NEW, HOME)


@pytest.mark.parametrize("token", ["", "x", "a.b", "é", "\0", "x" * 5_000])
def test_garbage_is_rejected_as_a_link(auth, token):
    with pytest.raises(LinkInvalid):
        auth.password_reset.complete(token, NEW, HOME)


def test_a_link_for_another_purpose_is_refused(app, auth, client, clock, settings):
    sign_up(client)
    [(account_id,)] = sql(app, "SELECT id FROM accounts")
    later = clock.now().replace(year=2_100)
    token = Links((settings.secret_key,), clock).sign("verify-email", account_id=account_id, state=1, expires_at=later)
    with pytest.raises(LinkInvalid):
        auth.password_reset.complete(token, NEW, HOME)


@everywhere
def test_newest_reset_email_wins(client, email):
    first, second = email().token, email().token
    assert [reset(client, token).json.get("code") for token in (first, second)] == ["link_used", None]


@pytest.mark.usefixtures("ann")
def test_opening_a_link_uses_nothing_up(auth, client, email):
    token = email().token
    for _ in range(3):
        auth.password_reset.check(token)
    assert reset(client, token).status_code == 200


@everywhere
def test_a_refused_password_leaves_the_link_alive(app, auth, email):
    token, before = email().token, dump_tables(app)
    with pytest.raises(PasswordTooShort):
        auth.password_reset.complete(token, "short", HOME)
    assert dump_tables(app) == before


@everywhere
def test_the_owner_is_told(client, auth, email, mailbox):
    token = email().token
    mailbox.clear()
    reset(client, token)
    auth.mail_delivery.deliver_due()
    [notice] = mailbox.messages
    assert notice.recipients == ["ann@example.com"]
    assert "password" in notice.subject.lower()
    assert reset(client, notice.token).json["code"] == "link_invalid"


@pytest.mark.usefixtures("ann")
def test_used_link_sends_no_second_notice(client, auth, email, mailbox):
    token = email().token
    mailbox.clear()
    for _ in range(3):
        reset(client, token)
    auth.mail_delivery.deliver_due()
    assert len(mailbox.messages) == 1


def test_a_reset_shows_that_the_address_is_its_owner_s(client, email):
    sign_up(client)
    reset(client, email().token)
    assert me(client, log_in(client, password=NEW).json).json["email_verified"] is True


@pytest.mark.usefixtures("ann")
def test_reset_email_arrives_for_any_spelling_of_the_address(email):
    assert email("ANN@EXAMPLE.COM").recipients == ["ann@example.com"]


def test_unknown_address_gets_no_email(client, auth, mailbox):
    forgot_password(client, "nobody@example.com")
    auth.mail_delivery.deliver_due()
    assert mailbox.messages == []


def test_a_disabled_account_s_link_is_dead(app, client, email, clock):
    sign_up(client)
    token = email().token
    sql(app, "UPDATE accounts SET disabled_at = :now", now="2020-01-01 00:00:00.000000")
    assert reset(client, token).json["code"] == "link_used"


def test_malformed_address_is_rejected_and_enqueues_nothing(app, auth):
    with pytest.raises(InvalidEmail):
        auth.password_reset.request("=?utf-8?q?ann?=@example.com", HOME)
    assert sql(app, "SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.usefixtures("ann")
def test_known_and_unknown_addresses_store_the_same_rows(app, client):
    for email in ("ann@example.com", "eve@example.com"):
        forgot_password(client, email)
    known, unknown = sql(
        app, "SELECT kind, account_id, parameters, state, attempts FROM outbox WHERE kind = 'reset_password'"
    )
    assert known == unknown


@pytest.mark.usefixtures("ann")
def test_no_token_rests_in_the_tables(app, email):
    token = email().token
    assert token not in str(dump_tables(app))
