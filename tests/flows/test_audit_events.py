"""What is written into the journal, by whom it was done, and that nothing secret is."""

from contextlib import suppress

import pytest

from app.core.client_info import ClientInfo
from app.core.errors import ServiceError
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType
from app.domain.tokens.codes import CodeInvalid
from app.flows.steps.check_password import InvalidCredentials, WrongPassword
from config import ROOT
from tests.support.api import NEW, PASSWORD, sql
from tests.test_docs import table

HOME = ClientInfo("192.0.2.7", "Latchkey test")
WRONG = "a wrong password"
NEWEST = (
    "SELECT event, result, account_id, actor_id, session_id, ip, user_agent, details FROM audit_events"
    " ORDER BY id DESC LIMIT 1"
)


@pytest.fixture
def ann(auth):
    """Ann, signed in."""
    return auth.sessions.authenticate(auth.registration.sign_up("ann@example.com", PASSWORD, HOME).access_token)


def newest(app):
    """The latest event."""
    names = ("event", "result", "account_id", "actor_id", "session_id", "ip", "user_agent", "details")
    (row,) = sql(app, NEWEST)
    return dict(zip(names, row, strict=True))


def events(app):
    """Tag and result of every event, in order."""
    return sql(app, "SELECT event, result FROM audit_events ORDER BY id")


@pytest.mark.parametrize("tag", EventType)
def test_each_event_type_is_recorded_by_a_flow(tag):
    told = [path.read_text() for path in ROOT.glob("app/flows/**/*.py")]
    assert any(f"EventType.{tag.name}" in text for text in told)


def test_each_event_type_is_documented_with_its_result():
    documented = {(row[0].strip("`"), row[1]) for row in table(ROOT / "docs/security.md", "## Events")}
    assert documented == {(tag.value, tag.result) for tag in EventType}


@pytest.mark.usefixtures("each_database")
def test_a_wrong_password_is_written_down_for_its_owner(app, auth, ann):
    with pytest.raises(InvalidCredentials):
        auth.sign_in.with_password("ann@example.com", WRONG, ClientInfo("198.51.100.9", "curl"))
    event = newest(app)
    assert (event["event"], event["result"], event["account_id"]) == ("login.failed", "failure", ann.owner.id)
    assert (event["session_id"], event["ip"], event["user_agent"]) == (None, "198.51.100.9", "curl")


@pytest.mark.usefixtures("each_database")
def test_login_with_unknown_address_is_logged_without_the_address(app, auth):
    with pytest.raises(InvalidCredentials):
        auth.sign_in.with_password("nobody@example.com", WRONG, HOME)
    event = newest(app)
    assert (event["event"], event["account_id"], event["actor_id"]) == ("login.failed", None, None)
    assert "nobody" not in str(event)
    assert WRONG not in str(event)


@pytest.mark.usefixtures("ann")
def test_every_failure_is_written_down_for_known_and_unknown_alike(app, auth):
    for email in ("ann@example.com", "nobody@example.com"):
        before = len(events(app))
        for _ in range(30):
            with suppress(InvalidCredentials):
                auth.sign_in.with_password(email, WRONG, HOME)
        assert len(events(app)) == before + 30


@pytest.mark.settings(require_verified_email=True)
def test_login_of_an_unverified_account_is_logged_as_failed(app, auth):
    auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    for sign_in in (auth.sign_in.with_password, auth.sign_in.authenticate_request):
        with pytest.raises(InvalidCredentials):
            sign_in("ann@example.com", PASSWORD, HOME)
    assert events(app)[1:] == [("login.failed", "failure")] * 2
    assert "email_not_verified" in str(newest(app)["details"])


@pytest.mark.settings(basic_auth=True)
def test_basic_auth_during_scheduled_deletion_is_logged(app, auth, ann):
    auth.account_deletion.request(ann, PASSWORD, HOME)
    with pytest.raises(InvalidCredentials):
        auth.sign_in.authenticate_request("ann@example.com", PASSWORD, HOME)
    assert "deletion_scheduled" in str(newest(app)["details"])


@pytest.mark.usefixtures("each_database")
def test_giving_the_password_again_is_written_down_right_or_wrong(app, auth, ann):
    with pytest.raises(WrongPassword):
        auth.reauthentication.by_password(ann, WRONG, HOME)
    event = newest(app)
    assert (event["event"], event["result"]) == ("reauthentication.failed", "failure")
    assert (event["account_id"], event["session_id"]) == (ann.owner.id, ann.session.id)
    auth.reauthentication.by_password(ann, PASSWORD, HOME)
    assert (newest(app)["event"], newest(app)["session_id"]) == ("session.reauthenticated", ann.session.id)


@pytest.mark.parametrize(
    "act",
    [
        lambda auth, ann: auth.password_change.change(ann, WRONG, NEW, HOME),
        lambda auth, ann: auth.email_change.request(ann, "ann.new@example.com", WRONG, HOME),
        lambda auth, ann: auth.account_deletion.request(ann, WRONG, HOME),
    ],
    ids=["a new password", "another address", "leaving"],
)
def test_so_is_a_wrong_one_before_what_needs_it(app, auth, ann, act):
    with pytest.raises(WrongPassword):
        act(auth, ann)
    assert events(app)[-1] == ("reauthentication.failed", "failure")


@pytest.mark.usefixtures("each_database", "ann")
@pytest.mark.parametrize(("email", "known"), [("ann@example.com", True), ("nobody@example.com", False)])
def test_wrong_code_is_logged_for_known_and_unknown_addresses(app, auth, email, known):
    with pytest.raises(CodeInvalid):
        auth.password_reset.complete_with_code(email, "BBBB-BBBB", NEW, HOME)
    event = newest(app)
    assert (event["event"], event["result"], event["account_id"] is not None) == ("code.failed", "failure", known)
    assert "reset" in str(event["details"])
    assert "BBBB" not in str(event)


@pytest.mark.usefixtures("each_database")
def test_keys_are_rotated_and_retired_by_the_operator(app, auth, clock):
    old = auth.key_rotation.published()["keys"][0]["kid"]
    new, _ = auth.key_rotation.rotate()
    event = newest(app)
    assert (event["event"], event["actor_id"], event["account_id"]) == ("key.rotated", "operator", None)
    assert new in str(event["details"])
    clock.advance(minutes=11)
    auth.key_rotation.retire(old)
    assert newest(app)["event"] == "key.retired"
    assert old in str(newest(app)["details"])


def test_failed_key_retirement_writes_no_event(app, auth):
    for kid in ("nonsense", auth.key_rotation.published()["keys"][0]["kid"]):
        with pytest.raises(ServiceError):
            auth.key_rotation.retire(kid)
    assert events(app) == []


@pytest.mark.usefixtures("each_database")
def test_what_is_undone_leaves_no_event(app, auth, ann, monkeypatch):
    before = events(app)
    monkeypatch.setattr(UnitOfWork, "commit", _power_cut)
    with pytest.raises(ZeroDivisionError):
        auth.sessions.sign_out(ann, HOME)
    assert events(app) == before


def _power_cut(_work):
    raise ZeroDivisionError


def test_deleted_account_leaves_anonymous_events(app, auth, ann, clock):
    auth.account_deletion.request(ann, PASSWORD, HOME)
    clock.advance(days=8)
    auth.audit_sealing.seal()
    auth.cleanup.run()
    assert events(app)[-1] == ("account.deleted", "success")
    assert sql(app, "SELECT DISTINCT account_id, actor_id, session_id, ip, salt FROM audit_events") == [(None,) * 5]
    assert auth.audit_sealing.seal() == 1
    assert auth.audit_sealing.verify().count == len(events(app))
