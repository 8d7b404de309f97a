"""`/metrics`: what is counted, who may read it, and what it never contains."""

import re
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.accounts.hash_slots import HashSlotsFull
from tests.support.api import bearer, forgot_password, is_problem, log_in, me, sign_up

AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"
TOKEN = "a token for Prometheus"
on = pytest.mark.settings(metrics="on")


def families(client, **sent):
    """The metric families of the page, by name."""
    answer = client.get("/metrics", **sent)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(client, sample, **labels):
    """One number on the page; None if it is not there."""
    samples = [each for family in families(client).values() for each in family.samples]
    return next((each.value for each in samples if each.name == sample and each.labels == labels), None)


def test_metrics_are_off_unless_configured(client):
    assert is_problem(client.get("/metrics"), 404, "not_found")


@pytest.mark.settings(metrics="on", metrics_token=TOKEN)
@pytest.mark.parametrize("headers", [{}, bearer("another"), bearer("é"), {"Authorization": TOKEN}])
def test_metrics_need_the_token(client, headers):
    assert is_problem(client.get("/metrics", headers=headers), 401, "unauthenticated")


@pytest.mark.settings(metrics="on", metrics_token=TOKEN)
def test_metrics_are_shown_with_the_token(client):
    assert "latchkey_requests" in families(client, headers=bearer(TOKEN))


@on
def test_requests_are_counted_by_route_and_status(client):
    tokens = sign_up(client)
    for _ in range(3):
        me(client, tokens)
    client.get("/api/v1/account")
    where = {"method": "GET", "route": "/api/v1/account"}
    assert value(client, "latchkey_requests_total", **where, status="200") == 3
    assert value(client, "latchkey_requests_total", **where, status="401") == 1
    assert value(client, "latchkey_request_seconds_count", route="/api/v1/account") == 4


@on
def test_prometheus_may_ask_by_address(client):
    assert client.get("/metrics", base_url="http://10.0.0.7:8000").status_code == 200


@on
def test_no_label_holds_what_a_client_sent(client):
    client.get("/nowhere/ann-was-here?x=ann-was-here", headers={"User-Agent": "ann-was-here"})
    client.open("/healthz", method="ANNWASHERE")
    sign_up(client, email="ann-was-here@example.com")
    text = client.get("/metrics").text
    assert not re.search("ann-?was-?here", text, re.IGNORECASE)
    assert value(client, "latchkey_requests_total", method="GET", route="unmatched", status="404") == 1


@pytest.mark.settings(metrics="on", ratelimit_enabled=True)
def test_limits_that_were_hit_are_counted(client):
    while client.post("/api/v1/forgot-password", json={"email": "ann@example.com"}).status_code == 200:
        pass
    assert value(client, "latchkey_limits_hit_total", route="/api/v1/forgot-password") == 1


@on
def test_audit_events_are_counted_by_type(client):
    sign_up(client)
    log_in(client)
    assert value(client, "latchkey_audit_events_total", event="session.opened") == 1


@on
def test_every_event_counter_starts_at_zero(client):
    client.get("/healthz")
    assert value(client, "latchkey_audit_events_total", event="session.token_reused") == 0


@on
def test_message_and_session_gauges_come_from_the_database(each_app, client, clock):
    sign_up(client)
    forgot_password(client)
    clock.advance(seconds=90)
    assert value(client, "latchkey_outbox_messages", state="due") >= 1
    assert value(client, "latchkey_outbox_messages", state="dead") == 0
    assert value(client, "latchkey_outbox_oldest_due_seconds") == pytest.approx(90, abs=30)
    assert value(client, "latchkey_sessions_live") == 1
    assert value(client, "latchkey_database_up") == 1


@pytest.mark.settings(metrics="on", hash_slots=1)
def test_hashes_that_found_no_slot_are_counted(app, client):
    slots = app.extensions["latchkey"].registration.passwords._slots
    with ExitStack() as places:
        for _ in range(5):
            places.enter_context(slots._acquire())
        with pytest.raises(HashSlotsFull):
            slots.run(dict)
    client.get("/healthz")
    assert value(client, "latchkey_hash_slots_refused_total") == 1
    assert value(client, "latchkey_hash_slots", state="in_use") == 0


@pytest.mark.settings(metrics="on", database_url=AWAY)
def test_metrics_without_a_database_show_the_rest(client):
    client.get("/healthz")
    assert value(client, "latchkey_database_up") == 0
    assert "latchkey_sessions_live" not in families(client)
    assert value(client, "latchkey_requests_total", method="GET", route="/healthz", status="200") == 1
