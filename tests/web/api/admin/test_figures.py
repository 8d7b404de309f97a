"""Key figures for administrators."""

from datetime import timedelta

from tests.support.api import ANN, log_in, sign_up


def test_figures_count_accounts_sessions_and_the_days(app, client, desk, bob, clock):
    log_in(client, email=bob.email)
    log_in(client, email=bob.email, password="a wrong password")
    found = desk.get("figures").json
    assert (found["accounts"], found["sessions"], found["emails_dead"], found["mail_failing"]) == (2, 3, 0, False)
    today = found["days"][-1]
    assert today == {"date": clock.now().date().isoformat(), "sign_ups": 2, "sign_ins": 3, "failed_sign_ins": 1}
    assert found["complete_since"] is None
    assert [day["sign_ins"] for day in found["days"][:-1]] == [0] * 13


def test_figures_are_remembered_for_seconds(client, desk, monkeypatch):
    before = desk.get("figures").json
    sign_up(client, email="new@example.com")
    assert desk.get("figures").json == before
    now = __import__("time").monotonic() + 16
    monkeypatch.setattr("app.flows.key_figures.time.monotonic", lambda: now)
    assert desk.get("figures").json["accounts"] == before["accounts"] + 1


def test_days_say_when_they_are_not_complete(desk, monkeypatch):
    monkeypatch.setattr("app.flows.key_figures.MOST_EVENTS", 1)
    assert desk.get("figures").json["complete_since"] is not None


def test_figures_work_on_each_database(each_app, desk):
    assert desk.get("figures").json["accounts"] == 1
    assert len(desk.get("figures").json["days"]) == timedelta(days=14).days
    assert ANN["email"] not in desk.get("figures").text
