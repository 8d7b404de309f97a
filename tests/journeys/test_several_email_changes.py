"""Several changes of address in a row: each can be undone, and the owner of the earliest address decides."""

import pytest

from app.core.client_info import ClientInfo
from tests.journeys.conftest import in_one_process
from tests.journeys.test_email_change import CHANGED, change, confirm
from tests.journeys.test_stolen_account import PASSWORD

pytestmark = in_one_process  # tests/races/test_undoing.py has two
OWNER, FIRST, SECOND = "ann@example.com", "first@example.org", "second@example.org"
OVER = "the time in which a link could undo this is over"


def move(ann, *addresses: str) -> None:
    """Change the address to each of these in turn."""
    for new in addresses:
        change(ann, new)
        assert confirm(ann).status_code == 200


def move_again(ann, auth, new: str) -> None:
    """Change the address long after signing in: an access token of the past has expired, one of the future is early."""
    password, client = PASSWORD["password"], ClientInfo()
    owner = auth.sign_in.authenticate_request(stored_address(ann, auth), password, client)
    auth.email_change.request(owner, new, password, client)
    assert confirm(ann).status_code == 200


def undo_links(ann) -> dict[str, str]:
    """The newest undo link that came to each address."""
    ann.letters()
    return {
        letter.recipients[0]: word.partition("#token=")[2]
        for letter in ann.box.messages for word in letter.text.split() if "/undo-email-change#token=" in word
    }  # fmt: skip


def undo(ann, token: str) -> str | None:
    """The code of the error that using an undo link gives; None if it worked."""
    answer = ann.send("account/email/undo", token=token)
    return None if answer.status_code == 200 else answer.json["code"]


def stored_address(ann, auth) -> str:
    return auth.admin_accounts.find(ann.account_id).email


@pytest.fixture
def ann(ann):
    """Ann, whose account a thief is about to move."""
    ann.account_id = ann.ask("GET", "account").json["id"]
    ann.box.clear()
    return ann


def test_each_old_address_is_notified_and_can_undo_its_change(ann, auth) -> None:
    move(ann, FIRST, SECOND)
    links = undo_links(ann)
    assert [to for to, subject in ann.letters() if CHANGED in subject] == [OWNER, FIRST]
    assert (undo(ann, links[FIRST]), stored_address(ann, auth)) == (None, FIRST)
    assert undo(ann, links[FIRST]) == "link_used"
    assert (undo(ann, links[OWNER]), stored_address(ann, auth)) == (None, OWNER)


def test_undo_of_the_first_change_voids_the_later_ones(ann, auth, person) -> None:
    move(ann, FIRST, SECOND)
    links = undo_links(ann)
    assert undo(ann, links[OWNER]) is None
    assert (undo(ann, links[FIRST]), stored_address(ann, auth)) == ("link_used", OWNER)
    assert person(FIRST).sign_up().status_code == 201  # no longer reserved


def test_each_old_address_is_reserved_while_its_link_works(ann, auth, person, clock) -> None:
    move(ann, FIRST)
    ann.letters()
    clock.advance(hours=2)
    move_again(ann, auth, SECOND)
    ann.letters()
    assert [person(one).sign_up().status_code for one in (OWNER, FIRST)] == [409, 409]
    clock.advance(hours=71)
    assert [person(one).sign_up().status_code for one in (OWNER, FIRST)] == [201, 409]
    clock.advance(hours=2)
    assert person(FIRST).sign_up().status_code == 201


def test_changing_back_leaves_the_thief_no_undo(ann, auth, clock) -> None:
    move(ann, FIRST)
    clock.advance(hours=70)
    move_again(ann, auth, SECOND)
    stolen = undo_links(ann)[FIRST]
    ann.box.clear()
    move_again(ann, auth, OWNER)  # by the owner, who still has a session
    assert undo_links(ann) == {}
    clock.advance(hours=3)  # the owner's own link has expired
    assert (undo(ann, stolen), stored_address(ann, auth)) == ("link_used", OWNER)


def test_both_old_addresses_are_told_of_a_deletion(ann) -> None:
    move(ann, FIRST, SECOND)
    ann.letters()
    ann.box.clear()
    assert ann.ask("DELETE", "account", PASSWORD).status_code == 204
    moved = [to for to, subject in ann.letters() if "used this address" in subject]
    assert moved == [OWNER, FIRST]


def test_a_late_email_leaves_72_hours_to_undo(ann, auth, person, clock) -> None:
    move(ann, FIRST)
    clock.advance(hours=73)
    auth.cleanup.run()
    assert person(OWNER).sign_up().json["code"] == "email_taken"
    link = undo_links(ann)[OWNER]
    clock.advance(hours=71)
    auth.cleanup.run()
    assert person(OWNER).sign_up().json["code"] == "email_taken"
    assert (undo(ann, link), stored_address(ann, auth)) == (None, OWNER)


@pytest.mark.settings(deletion_grace_days=0)
def test_an_account_waits_for_the_email_that_can_undo(ann, auth, clock) -> None:
    move(ann, FIRST)
    assert ann.ask("DELETE", "account", PASSWORD).status_code == 204
    for _ in range(3):
        clock.advance(days=1, hours=1)
        assert auth.cleanup.run()["accounts"] == 0
    link = undo_links(ann)[OWNER]
    clock.advance(hours=71)
    auth.cleanup.run()
    assert (undo(ann, link), stored_address(ann, auth)) == (None, OWNER)


def test_an_email_after_the_reservation_has_no_undo_link(ann, clock) -> None:
    move(ann, FIRST)
    clock.advance(days=6)
    assert undo_links(ann) == {}
    assert OVER in " ".join(ann.newest(CHANGED).split())
