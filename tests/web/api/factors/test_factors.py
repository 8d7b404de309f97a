"""Authenticator apps and recovery codes in the account of their owner."""

import pytest

from app.core.client_info import ClientInfo
from app.core.errors import ServiceError
from tests.support.api import NEW, PASSWORD, is_problem, log_in, me, sign_up, sql
from tests.support.authenticator_app import Owner

on_each_database = pytest.mark.usefixtures("each_database")
WINDOW = 601


@pytest.fixture
def ann(client, clock):
    """Ann without a second factor."""
    owner = Owner(client, clock)
    owner.tokens = sign_up(client)
    return owner


def enrol(owner, **body):
    return owner.call("POST", "/account/factors/totp", **body)


def confirm(owner, factor_id, code):
    return owner.call("POST", f"/account/factors/totp/{factor_id}/confirm", code=code)


@on_each_database
def test_new_app_is_listed_after_its_first_code(ann):
    made = enrol(ann, name="Phone")
    assert made.json.keys() == {"id", "secret", "uri", "qr"}
    assert made.json["uri"].startswith("otpauth://totp/localhost:ann%40example.com?secret=" + made.json["secret"])
    assert made.json["qr"].startswith("data:image/svg+xml")
    assert ann.call("GET", "/account/factors").json == {"factors": [], "recovery_codes_left": 0}
    ann.add_app("Tablet")
    listed = ann.call("GET", "/account/factors").json
    assert [(factor["name"], factor["type"]) for factor in listed["factors"]] == [("Tablet", "totp")]
    assert listed["recovery_codes_left"] == len(set(ann.recovery_codes)) == 10


def test_enrolment_that_is_not_recent_is_refused(ann):
    ann.clock.advance(WINDOW)
    ann.tokens = ann.client.post("/api/v1/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]}).json
    assert is_problem(enrol(ann), 403, "reauthentication_required")
    assert is_problem(enrol(ann, password="a wrong password"), 403, "wrong_password")
    made = enrol(ann, password=PASSWORD)
    assert made.status_code == 201
    assert is_problem(confirm(ann, made.json["id"], "123456"), 403, "reauthentication_required")


def test_second_enrolment_replaces_the_unconfirmed_secret(ann):
    first, second = enrol(ann).json, enrol(ann).json
    ann.add_app()
    for made in (first, second):
        assert is_problem(confirm(ann, made["id"], "123456"), 404, "factor_not_found")


def test_confirmed_app_cannot_be_confirmed_again(owner):
    answer = confirm(owner, owner.factor_id, owner.new_code())
    assert is_problem(answer, 404, "factor_not_found")


def test_wrong_first_code_adds_nothing(app, ann):
    made = enrol(ann).json
    assert confirm(ann, made["id"], "000000").json["code"] == "code_invalid"
    assert log_in(ann.client).status_code == 200
    assert sql(app, "SELECT count(*) FROM recovery_codes") == [(0,)]


def test_app_of_another_account_is_not_found(owner, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    path = f"/account/factors/{owner.factor_id}"
    assert is_problem(eve.call("DELETE", path), 404, "factor_not_found")
    assert is_problem(eve.call("PATCH", path, name="Mine"), 404, "factor_not_found")
    assert owner.call("GET", "/account/factors").json["factors"][0]["name"] == "Phone"


def test_app_is_renamed(owner):
    assert owner.call("PATCH", f"/account/factors/{owner.factor_id}", name="Tablet").status_code == 204
    assert owner.call("GET", "/account/factors").json["factors"][0]["name"] == "Tablet"


def test_second_app_keeps_the_recovery_codes_and_signs_in_too(owner):
    first, codes = owner.app, owner.recovery_codes
    owner.add_app("Tablet")
    assert owner.recovery_codes == codes
    assert owner.second_step(code=owner.new_code()).status_code == 200
    owner.clock.advance(30)
    assert owner.second_step(code=first.code()).status_code == 200


def test_account_has_at_most_five_apps(owner):
    for number in range(4):
        owner.add_app(f"App {number}")
    assert is_problem(enrol(owner), 409, "too_many_factors")


@on_each_database
def test_removing_the_last_app_ends_the_second_factor(app, owner):
    other = owner.sign_in()
    mine = owner.sign_in(recovery_code=owner.recovery_codes[0])
    assert owner.call("DELETE", f"/account/factors/{owner.factor_id}").status_code == 204
    assert log_in(owner.client).status_code == 200
    assert me(owner.client, other).status_code == 401
    assert me(owner.client, mine).status_code == 200
    assert sql(app, "SELECT count(*) FROM recovery_codes") == [(0,)]
    assert sql(app, "SELECT count(*) FROM totp_factors") == [(0,)]


def test_removing_one_of_two_apps_keeps_the_second_factor(owner):
    removed = owner.factor_id
    owner.add_app("Tablet")
    assert owner.call("DELETE", f"/account/factors/{removed}").status_code == 204
    assert owner.first_step().status_code == 403
    assert owner.second_step().status_code == 200


@on_each_database
def test_new_recovery_codes_replace_the_old_ones(owner):
    owner.sign_in()
    answer = owner.call("POST", "/account/factors/recovery-codes")
    assert len(answer.json["recovery_codes"]) == 10
    assert owner.second_step(recovery_code=owner.recovery_codes[0]).json["code"] == "code_invalid"
    assert owner.second_step(recovery_code=answer.json["recovery_codes"][0]).status_code == 200


def test_account_without_an_app_gets_no_recovery_codes(ann):
    assert is_problem(ann.call("POST", "/account/factors/recovery-codes"), 409, "no_second_factor")


def test_secrets_and_codes_are_stored_in_no_readable_form(app, owner):
    stored = repr(sql(app, "SELECT * FROM totp_factors")) + repr(sql(app, "SELECT * FROM recovery_codes"))
    assert owner.app.secret not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in owner.recovery_codes)


def test_secret_moved_to_another_account_is_unreadable(app, owner, clock):
    eve = Owner(owner.client, clock, "eve@example.com").sign_up()
    sql(app, "UPDATE totp_factors SET secret = (SELECT secret FROM totp_factors WHERE id = :from) WHERE id = :to",
        **{"from": eve.factor_id, "to": owner.factor_id})  # fmt: skip
    answer = owner.second_step(code=eve.app.code())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_export_has_the_factors_without_secrets(owner):
    exported = owner.call("GET", "/account/export")
    assert exported.json["totp_factors"][0]["name"] == "Phone"
    assert len(exported.json["recovery_codes"]) == 10
    assert owner.app.secret not in exported.text


def test_change_of_factors_leaves_alarm_links_valid(owner, auth, mailbox):
    tokens = owner.sign_in()
    owner.call("PUT", "/account/password", tokens["access_token"], current_password=PASSWORD, password=NEW)
    token = emailed_token(auth, mailbox, "not-me")
    owner.add_app("Tablet")
    assert owner.client.post("/api/v1/not-me", json={"token": token}).status_code == 200
    assert owner.call("GET", "/account").status_code == 401


def test_not_me_leaves_the_second_factor(app, owner, auth, mailbox):
    token = emailed_token(auth, mailbox, "not-me", subject="Recovery codes", act=lambda: renew(owner))
    assert owner.client.post("/api/v1/not-me", json={"token": token}).status_code == 200
    assert sql(app, "SELECT count(*) FROM totp_factors") == [(1,)]
    assert sql(app, "SELECT count(*) FROM accounts WHERE second_factor_at IS NOT NULL") == [(1,)]


@on_each_database
def test_undo_link_removes_the_app_that_a_stranger_added(app, ann, auth, mailbox):
    ann.add_app()
    token = emailed_token(auth, mailbox, "undo-second-factor")
    undo = ann.client.post("/api/v1/account/factors/undo", json={"token": token})
    assert undo.status_code == 200, undo.text
    assert ann.call("GET", "/account").status_code == 401
    assert log_in(ann.client).status_code == 200
    assert sql(app, "SELECT count(*) FROM recovery_codes") == [(0,)]
    again = ann.client.post("/api/v1/account/factors/undo", json={"token": token})
    assert again.json["code"] == "link_used"


def test_undo_link_removes_only_its_own_app(owner, auth, mailbox):
    emailed_token(auth, mailbox, "undo-second-factor")
    owner.add_app("Of a stranger")
    token = emailed_token(auth, mailbox, "undo-second-factor")
    assert owner.client.post("/api/v1/account/factors/undo", json={"token": token}).status_code == 200
    owner.app = None
    assert owner.first_step().json["code"] == "second_factor_required"
    owner.sign_in(recovery_code=owner.recovery_codes[0])
    assert [factor["name"] for factor in owner.call("GET", "/account/factors").json["factors"]] == ["Phone"]


def test_undo_link_expires_after_72_hours(ann, auth, mailbox):
    ann.add_app()
    token = emailed_token(auth, mailbox, "undo-second-factor")
    ann.clock.advance(hours=72, seconds=1)
    answer = ann.client.post("/api/v1/account/factors/undo", json={"token": token})
    assert answer.json["code"] == "link_expired"


def test_claimed_account_loses_its_factors(app, ann, auth, mailbox):
    ann.add_app()
    token = emailed_token(auth, mailbox, "verify-email")
    assert ann.client.post("/api/v1/verify-email/claim", json={"token": token}).status_code == 200
    assert sql(app, "SELECT count(*) FROM totp_factors") == [(0,)]
    assert sql(app, "SELECT second_factor_at FROM accounts") == [(None,)]


@on_each_database
def test_request_begun_before_an_enrolment_adds_no_factor(app, client, clock, auth, ann):
    stranger = auth.sessions.authenticate(log_in(client).json["access_token"])
    ann.add_app()
    with pytest.raises(ServiceError):
        auth.factors.start(stranger, None, None, ClientInfo())
    with pytest.raises(ServiceError):
        auth.factors.confirm(stranger, ann.factor_id, ann.app.code(), ClientInfo())
    assert sql(app, "SELECT count(*) FROM totp_factors") == [(1,)]


def renew(owner):
    owner.sign_in()
    return owner.call("POST", "/account/factors/recovery-codes")


def emailed_token(auth, mailbox, page, *, subject="", act=None):
    """The token of the newest emailed link to a page."""
    if act:
        act()
    while auth.mail_delivery.deliver_due():
        pass
    mark = f"/{page}#token="
    texts = [each.text for each in mailbox.messages if mark in each.text]
    assert texts, f"no email has a link to {page}: {[each.text[:200] for each in mailbox.messages]}"
    return texts[-1].partition(mark)[2].split()[0]
