"""What the classic systems ask for keeps the rules of the house."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.client_info import ClientInfo
from app.domain.tokens.links import LinkUsed
from tests.support.api import log_in, reset, sign_up, sql
from tests.test_statements import statements

HOME = ClientInfo("192.0.2.7", "Latchkey test")
NEW = "a new horse battery"


@pytest.fixture
def ann(client, auth):
    """Ann's account."""
    sign_up(client)
    return auth.compat.by_email("ann@example.com")


@pytest.fixture
def letters(auth, mailbox):
    """Deliver what waits; gives the subjects of all emails so far."""

    def deliver():
        auth.mail_delivery.deliver_due()
        return [letter.subject for letter in mailbox.messages]

    return deliver


@pytest.mark.usefixtures("each_database")
def test_a_token_handed_over_works_once_and_the_newest_alone(auth, ann):
    old, token = auth.compat.reset_token(ann), auth.compat.reset_token(ann)
    for dead in (old, token):
        if dead is token:
            auth.compat.reset(token, "x", HOME)
        with pytest.raises(LinkUsed):
            auth.compat.reset(dead, "y", HOME)


@pytest.mark.settings(compat_api=True)
@pytest.mark.usefixtures("each_database")
def test_of_many_asked_for_at_once_one_token_works(app, auth, ann):
    def ask(_):
        return app.test_client().post("/reset_password", data={"email": ann.email})

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    tokens = [answer.json["reset_token"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sorted(works(auth, token) for token in tokens) == [False] * (len(tokens) - 1) + [True]


def works(auth, token):
    try:
        auth.compat.by_reset_token(token)
    except LinkUsed:
        return False
    return True


def test_token_without_an_email_confirms_no_address(auth, client, ann):
    assert reset(client, auth.compat.reset_token(ann), NEW).status_code == 200
    assert auth.compat.by_id(ann.id).email_verified is False


def test_later_reset_email_supersedes_the_token(auth, client, ann, letters, mailbox):
    token = auth.compat.reset_token(ann)
    client.post("/api/v1/forgot-password", json={"email": ann.email})
    letters()
    assert reset(client, token, NEW).json["code"] == "link_used"
    assert reset(client, mailbox.messages[-1].token, NEW).status_code == 200
    assert auth.compat.by_id(ann.id).email_verified is True


def test_compat_signup_and_reset_send_the_usual_emails(auth, letters):
    account = auth.compat.create("bob@hbtn.io", auth.compat.hash("b4l0u"), HOME)
    assert letters() == ["Welcome! Please confirm your address"]
    auth.compat.reset(auth.compat.reset_token(account), "x", HOME)
    assert letters()[1:] == ["Your password was changed"]


def test_a_session_for_credentials_that_were_changed_is_not_opened(auth, ann):
    auth.compat.reset(auth.compat.reset_token(ann), "x", HOME)
    assert auth.compat.sign_in(ann, HOME) is None


@pytest.mark.usefixtures("each_database")
def test_a_deleted_account_is_gone_everywhere_at_once(app, auth, client, ann):
    auth.compat.purge(ann)
    assert log_in(client).status_code == 401
    assert [sql(app, f"SELECT * FROM {table}") for table in ("accounts", "sessions", "email_actions")] == [[], [], []]


def test_a_sign_in_reads_no_account_again(app, auth, ann):
    with statements(app) as seen:
        assert auth.compat.sign_in(ann, HOME)
    assert seen.verbs == ["INSERT", "INSERT", "SELECT", "INSERT"]  # session, event, other sessions, email
