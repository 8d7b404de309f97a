"""The counter of a passkey: a signal that somebody has a copy, and no more than a signal."""

import pytest

from tests.support.api import bearer, is_problem, make_admin
from tests.support.authenticator import Authenticator
from tests.support.passkey_holder import PasskeyHolder

on_each_database = pytest.mark.usefixtures("each_database")
SUBJECT = "A passkey may have been copied"


def suspicions(app, holder):
    make_admin(app)
    path = "/api/v1/admin/audit?event=passkey.copy_suspected"
    return holder.client.get(path, headers=bearer(holder.tokens["access_token"])).json["events"]


def subjects(auth, mailbox):
    while auth.mail_delivery.deliver_due():
        pass
    return [email.subject for email in mailbox.messages]


@on_each_database
@pytest.mark.parametrize("counter", [1, 2, 3, 0])
def test_old_counter_of_a_device_bound_passkey_is_rejected(app, holder, auth, mailbox, counter):
    assert holder.sign_in(counter=3).status_code == 200
    credential = holder.assertion(counter=counter)
    answer = holder.send(credential)
    assert is_problem(answer, 403, "passkey_copy_suspected")
    assert holder.send(credential).json["code"] == "challenge_used"
    (event,) = suspicions(app, holder)
    assert event["details"] == {"passkey": str(holder.passkeys()[0]["id"]), "counter": counter}
    assert subjects(auth, mailbox).count(SUBJECT) == 1


@on_each_database
def test_old_counter_of_a_synced_passkey_is_recorded(app, client, auth, mailbox):
    holder = PasskeyHolder(client, Authenticator(synced=True)).sign_up()
    assert holder.sign_in(counter=7).status_code == 200
    assert holder.sign_in(counter=2).status_code == 200
    assert len(suspicions(app, holder)) == 1
    assert SUBJECT not in subjects(auth, mailbox)
    assert holder.sign_in(counter=8).status_code == 200
    assert len(suspicions(app, holder)) == 1


def test_suspected_copy_does_not_reauthenticate(holder, app):
    holder.sign_in(counter=9)
    assert (
        holder.reauthenticate(holder.authenticator.get(holder.reauthentication_options(), counter=4)).json["code"]
        == "passkey_copy_suspected"
    )
    assert len(suspicions(app, holder)) == 1


def test_newer_counter_is_accepted_after_a_suspicion(holder):
    assert holder.sign_in(counter=5).status_code == 200
    assert holder.sign_in(counter=5).json["code"] == "passkey_copy_suspected"
    assert holder.sign_in(counter=6).status_code == 200


def test_largest_counter_is_accepted(holder):
    assert holder.sign_in(counter=2**32 - 1).status_code == 200
