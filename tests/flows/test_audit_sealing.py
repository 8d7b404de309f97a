"""The chain over the journal: what was done to a row, which one it was, and what may be done to it with right."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app import create_app
from app.core.client_info import ClientInfo
from app.core.database import db
from app.core.errors import Invalid
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.chain_head import ChainBroken
from app.domain.audit.journal import EventType
from app.domain.audit.model import AuditEvent, AuditHead
from app.domain.audit.seal import SealingOff
from app.start import start_sealer
from tests.conftest import SERVERS, AuthInContext
from tests.support.api import PASSWORD, sql
from tests.support.apps import close

HOME = ClientInfo("192.0.2.7", "Mozilla/5.0 (Windows NT 10.0; rv:148.0) Gecko/20100101 Firefox/148.0")
ANN, BOB = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
CHANGED = {"secret_key": "another secret, of at least 32 bytes"}
EVENTS, HEADS = AuditEvent.__table__, AuditHead.__table__


class Journal:
    """The journal of an app, its door, and what somebody with the database's password can do to it."""

    def __init__(self, app, audit):
        self.app, self.audit = app, audit
        self._journal = app.extensions["latchkey"].sign_in.journal

    def write(self, count, account_id=ANN, tag=EventType.SESSION_OPENED, at=None):
        """So many events, the details of each numbered."""
        now = at or self.app.extensions["latchkey"].sign_in.clock.now()
        with self.app.app_context(), UnitOfWork() as work:
            for number in range(count):
                self._journal.record(tag, HOME, now, account_id=account_id, session_id="a session", number=number)
            work.commit()

    def erase(self, account_id=ANN):
        """Forget a person."""
        with self.app.app_context(), UnitOfWork() as work:
            self._journal.anonymise(account_id)
            work.commit()

    def tamper(self, statement, values=None):
        """Run any statement."""
        with self.app.app_context(), db.engine.begin() as connection:
            return connection.execute(statement, values or {})

    def change(self, position, /, **values):
        """Overwrite columns of the row at a position."""
        self.tamper(sa.update(EVENTS).where(EVENTS.c.position == position).values(values))

    def drop(self, position):
        """Delete the row at a position."""
        self.tamper(sa.delete(EVENTS).where(EVENTS.c.position == position))

    def rows(self):
        """Every row, in the order of their ids."""
        with self.app.app_context(), db.engine.connect() as connection:
            return [
                SimpleNamespace(**row._mapping) for row in connection.execute(sa.select(EVENTS).order_by(EVENTS.c.id))
            ]

    def head(self):
        """The row that says where the chain ends."""
        with self.app.app_context(), db.engine.connect() as connection:
            return dict(connection.execute(sa.select(HEADS)).one()._mapping)

    def verdict(self, expected=None):
        """What verifying says."""
        with pytest.raises(ChainBroken) as broken:
            self.audit.verify(expected)
        return broken.value.message


@pytest.fixture
def journal(app, auth):
    """An empty one."""
    return Journal(app, auth.audit_sealing)


@pytest.fixture
def sealed(journal):
    """One with five sealed events."""
    journal.write(5)
    assert journal.audit.seal() == 5
    return journal


def test_an_empty_journal_is_whole(journal):
    verified = journal.audit.verify()
    assert (verified.count, verified.unsealed) == (0, 0)
    assert journal.audit.seal() == 0


@pytest.mark.usefixtures("each_database")
def test_sealed_events_are_whole_and_those_that_wait_are_counted(journal):
    journal.write(230)
    assert journal.audit.seal() == 230
    journal.write(2)
    verified = journal.audit.verify()
    assert (verified.first, verified.last, verified.count, verified.unsealed) == (1, 230, 230, 2)
    assert journal.audit.seal() == 2
    assert [row.position for row in journal.rows()] == list(range(1, 233))


def test_sealing_what_is_sealed_changes_nothing(sealed):
    before = sealed.rows(), sealed.head()
    assert sealed.audit.seal() == 0
    assert (sealed.rows(), sealed.head()) == before


CHANGES = {
    "id": 999_999_999, "at": None, "event": "session.ended", "result": "failure", "account_id": BOB, "actor_id": BOB,
    "session_id": "another", "ip": "198.51.100.1", "user_agent": "curl", "details": {"number": 7}, "salt": "0" * 32,
    "commitment": "0" * 64, "entry_hash": "0" * 64, "erasure": "0" * 64,
}  # fmt: skip
PERSONAL = ("account_id", "actor_id", "session_id", "ip", "user_agent", "details", "salt")


def test_every_column_is_tried():
    assert CHANGES.keys() | {"position"} == set(EVENTS.c.keys())


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("column", CHANGES)
def test_a_change_of_any_column_is_named(sealed, column):
    value = CHANGES[column]
    if column == "at":
        value = sealed.rows()[2].at + timedelta(microseconds=1)
    sealed.change(3, **{column: value})
    row = 999_999_999 if column == "id" else sealed.rows()[2].id
    assert sealed.verdict() == f"Row {row}, position 3, was changed or moved."


@pytest.mark.parametrize("column", PERSONAL)
def test_so_is_one_that_empties_a_column(sealed, column):
    sealed.change(3, **{column: {} if column == "details" else None})
    assert "position 3, was changed" in sealed.verdict()


def test_forged_erasure_is_detected(sealed):
    nobody = dict.fromkeys(PERSONAL) | {"details": {}}
    sealed.change(3, **nobody)
    assert "position 3, was changed" in sealed.verdict()
    sealed.change(3, **nobody, erasure="0" * 64)
    assert "position 3, was changed" in sealed.verdict()


@pytest.mark.parametrize("column", ["at", "details"])
def test_what_cannot_even_be_read_is_named(app, sealed, column):
    sql(app, f"UPDATE audit_events SET {column} = 'nonsense' WHERE position = 3")
    assert sealed.verdict() == "Position 3 was changed: it cannot be read."


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize(("position", "after"), [(1, "the first row"), (3, "the row after row {id}")])
def test_a_row_that_is_dropped_is_named(sealed, position, after):
    said = after.format(id=sealed.rows()[position - 2].id)
    sealed.drop(position)
    assert sealed.verdict() == f"Position {position} is missing: {said} was deleted."


@pytest.mark.usefixtures("each_database")
def test_a_tail_that_is_cut_off_is_noticed(sealed):
    row = sealed.rows()[3]
    sealed.drop(5)
    assert sealed.verdict() == f"Position 5 is missing: the row after row {row.id} was deleted."


@pytest.mark.usefixtures("each_database")
def test_rows_that_changed_places_are_named(sealed):
    for old, new in ((2, 99), (4, 2), (99, 4)):
        sealed.change(old, position=new)
    assert sealed.verdict() == f"Row {sealed.rows()[3].id}, position 2, was changed or moved."


def test_so_are_rows_whose_contents_changed_places(sealed):
    second, fourth = sealed.rows()[1], sealed.rows()[3]
    sealed.change(2, details=fourth.details, salt=fourth.salt, commitment=fourth.commitment)
    sealed.change(4, details=second.details, salt=second.salt, commitment=second.commitment)
    assert "position 2, was changed" in sealed.verdict()


@pytest.mark.usefixtures("each_database")
def test_a_row_that_is_put_in_is_named(sealed):
    forged = vars(sealed.rows()[4]) | {"id": 77, "position": 6}
    sealed.tamper(sa.insert(EVENTS), forged)
    assert sealed.verdict() == "Position 6 was inserted: the chain ends at 5."
    sealed.drop(6)
    sealed.tamper(sa.insert(EVENTS), forged | {"position": -3})
    assert sealed.verdict() == "Position -3 was inserted: everything up to 0 is purged."


def test_resealed_row_leaves_a_gap_in_the_chain(sealed):
    sealed.change(3, position=None, salt=None, commitment=None, entry_hash=None)
    assert sealed.audit.seal() == 1
    assert "Position 3 is missing" in sealed.verdict()


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("column", ["position", "entry_hash", "purged_position", "purged_hash", "signature"])
def test_changed_chain_head_is_detected_and_stops_sealing(sealed, column):
    sealed.tamper(sa.update(HEADS).values({column: 3 if "position" in column else "f" * 64}))
    assert (
        sealed.verdict()
        == "The head of the audit chain was changed, or KEY_ENCRYPTION_SECRET_FALLBACKS lacks its secret."
    )
    sealed.write(1)
    with pytest.raises(ChainBroken):
        sealed.audit.seal()


def test_moved_chain_head_does_not_hide_removed_events(sealed):
    end = sealed.rows()[3]
    sealed.drop(5)
    sealed.tamper(sa.update(HEADS).values(position=4, entry_hash=end.entry_hash))
    assert "head" in sealed.verdict()


@pytest.mark.usefixtures("each_database")
def test_chain_without_its_head_is_not_restarted(sealed):
    sealed.tamper(sa.delete(HEADS))
    sealed.write(1)
    with pytest.raises(ChainBroken):
        sealed.audit.seal()
    assert sealed.verdict() == "The head of the audit chain is missing, although events are sealed."


def test_saved_chain_end_detects_a_rebuilt_chain(sealed):
    noted = (sealed.head()["position"], sealed.head()["entry_hash"])
    sealed.write(1)
    sealed.audit.seal()
    assert sealed.audit.verify(noted).count == 6
    assert sealed.verdict((5, "0" * 64)) == "Position 5 has another hash than expected."
    sealed.tamper(sa.delete(EVENTS))
    sealed.tamper(sa.delete(HEADS))
    assert sealed.audit.verify().count == 0
    assert sealed.verdict(noted) == "Position 1 is missing: the chain was longer when its end was printed."


def test_another_secret_knows_nothing_of_the_chain(sealed, settings):
    other = create_app(settings.model_copy(update=CHANGED))
    assert "lacks its secret" in Journal(other, AuthInContext(other).audit_sealing).verdict()
    close(other)


@pytest.fixture
def changed(sealed, settings, clock):
    """The five that are sealed, and five more under another secret, while the first one is listed."""
    changes = CHANGED | {"secret_key_fallbacks": [settings.secret_key]}
    other = create_app(settings.model_copy(update=changes), clock=clock)
    journal = Journal(other, AuthInContext(other).audit_sealing)
    journal.write(5)
    assert journal.audit.seal() == 5
    yield journal
    close(other)


@pytest.mark.usefixtures("each_database")
def test_chain_under_two_listed_secrets_is_valid(changed):
    assert changed.audit.verify().count == 10
    changed.erase()
    assert changed.audit.verify().count == 10


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("position", [2, 5, 6, 9])
def test_under_either_secret_a_change_is_named(changed, position):
    changed.change(position, ip="198.51.100.1")
    assert changed.verdict() == f"Row {changed.rows()[position - 1].id}, position {position}, was changed or moved."
    changed.drop(position)
    assert f"Position {position} is missing" in changed.verdict()


def test_sealing_moves_the_head_to_the_newest_secret(changed, settings):
    alone = create_app(settings.model_copy(update=CHANGED))
    Journal(alone, AuthInContext(alone).audit_sealing).write(1)
    assert AuthInContext(alone).audit_sealing.seal() == 1
    assert changed.audit.verify().count == 11
    close(alone)


@pytest.mark.usefixtures("each_database")
def test_older_secret_is_needed_until_its_events_are_purged(changed, clock, settings):
    alone = create_app(settings.model_copy(update=CHANGED), clock=clock)
    journal = Journal(alone, AuthInContext(alone).audit_sealing)
    assert "position 1, was changed" in journal.verdict()
    clock.advance(days=401)
    with pytest.raises(ChainBroken, match="position 1"):
        AuthInContext(alone).cleanup.run()
    journal.write(1)
    journal.audit.seal()
    assert AuthInContext(changed.app).cleanup.run()["events"] == 10
    assert journal.audit.verify().count == 1
    close(alone)


def test_saved_chain_end_detects_a_rebuild_with_an_older_secret(changed, sealed):
    noted = (changed.head()["position"], changed.head()["entry_hash"])
    sealed.tamper(sa.delete(EVENTS))
    sealed.tamper(sa.delete(HEADS))
    sealed.write(10)
    sealed.audit.seal()
    assert changed.audit.verify().count == 10
    assert changed.verdict(noted) == "Position 10 has another hash than expected."


@pytest.mark.usefixtures("each_database")
def test_erased_account_leaves_a_valid_chain_and_no_salt(sealed):
    sealed.write(1, BOB)
    sealed.audit.seal()
    sealed.write(2)
    kept = sealed.rows()
    sealed.erase()
    assert sealed.audit.verify().count == 6
    assert sealed.audit.seal() == 2
    assert sealed.audit.verify().count == 8
    for before, after in zip(kept[:5], sealed.rows()[:5], strict=True):
        assert {getattr(after, column) for column in PERSONAL if column != "details"} == {None}
        assert (after.details, after.commitment) == ({}, before.commitment)
    assert sealed.rows()[5] == kept[5]
    assert {row.ip for row in sealed.rows()[6:]} == {None}


def test_a_change_of_an_erased_row_is_named(sealed):
    sealed.erase()
    sealed.change(3, ip="198.51.100.1")
    assert "position 3, was changed" in sealed.verdict()


@pytest.mark.usefixtures("each_database")
def test_purge_removes_the_oldest_events_and_keeps_the_chain(journal, auth, clock):
    journal.write(250)
    journal.audit.seal()
    clock.advance(days=300)
    journal.write(3)
    journal.audit.seal()
    clock.advance(days=101)
    journal.write(2)
    assert auth.cleanup.run()["events"] == 250
    verified = journal.audit.verify()
    assert (verified.first, verified.last, verified.unsealed) == (251, 253, 2)
    assert auth.cleanup.run()["events"] == 0
    journal.audit.seal()
    assert journal.audit.verify().count == 5
    with pytest.raises(Invalid, match="Position 250 has been purged"):
        journal.audit.verify((250, "0" * 64))


@pytest.mark.settings(audit_retention_days=10)
def test_how_long_is_a_setting_and_even_all_may_go(journal, auth, clock):
    journal.write(3)
    journal.audit.seal()
    clock.advance(days=11)
    assert auth.cleanup.run()["events"] == 3
    journal.write(1)
    journal.audit.seal()
    assert journal.audit.verify().first == 4
    journal.drop(4)
    assert journal.verdict() == "Position 4 is missing: the first row was deleted."


def test_what_waits_to_be_sealed_is_never_forgotten(journal, auth, clock):
    journal.write(3)
    clock.advance(days=500)
    assert auth.cleanup.run()["events"] == 0


def test_a_purge_does_not_carry_evidence_away(sealed, auth, clock):
    sealed.change(2, ip="198.51.100.1")
    clock.advance(days=500)
    with pytest.raises(ChainBroken, match="position 2"):
        auth.cleanup.run()
    assert len(sealed.rows()) == 5


@pytest.mark.usefixtures("each_database")
def test_an_erased_person_can_be_purged_too(sealed, auth, clock):
    sealed.erase()
    clock.advance(days=500)
    assert auth.cleanup.run()["events"] == 5
    assert sealed.rows() == []


@pytest.mark.usefixtures("each_database")
def test_verification_restarts_when_a_purge_moves_the_start(sealed, auth, clock, monkeypatch):
    clock.advance(days=500)
    sealed.write(1)
    sealed.audit.seal()
    verifier = sealed.app.extensions["latchkey"].audit_sealing.verifier
    walk = type(verifier)._walk
    purged = []

    def meanwhile(self, head, expected):
        if not purged:
            purged.append(auth.cleanup.run()["events"])
        walk(self, head, expected)

    monkeypatch.setattr(type(verifier), "_walk", meanwhile)
    assert sealed.audit.verify().first == 6
    assert purged == [5]


@pytest.mark.usefixtures("each_database")
def test_parallel_erasure_and_seal_leave_no_salt(journal):
    for _ in range(5):
        journal.write(40)
        acts = [threading.Thread(target=act) for act in (journal.audit.seal, journal.erase, journal.audit.seal)]
        for act in acts:
            act.start()
        for act in acts:
            act.join()
    journal.audit.seal()
    assert journal.audit.verify().count == 200
    assert {row.ip for row in journal.rows()} == {None}
    assert all(row.salt is None or row.erasure is None for row in journal.rows())


@pytest.mark.parametrize("database", SERVERS, indirect=True)  # SQLite has one writer at a time
def test_events_of_an_open_transaction_are_sealed_later(app, journal):
    with app.app_context(), db.engine.connect() as late, late.begin():
        row = {
            "at": journal.app.extensions["latchkey"].sign_in.clock.now(), "event": "session.opened",
            "result": "success", "details": {},
        }  # fmt: skip
        late.execute(sa.insert(EVENTS), row)
        journal.write(3)
        assert journal.audit.seal() == 3
    assert journal.audit.seal() == 1
    assert [row.position for row in journal.rows()] == [4, 1, 2, 3]
    assert journal.audit.verify().count == 4


def test_the_background_seals_and_stops(app, journal):
    journal.write(3)
    rounds = start_sealer(app)
    try:
        end = threading.Event()
        for _ in range(200):
            if journal.audit.verify().count == 3:
                break
            end.wait(0.02)
    finally:
        rounds.stop(5)
    assert journal.audit.verify().count == 3
    assert not rounds.is_alive()


@pytest.mark.settings(audit_sealing="off")
def test_sealing_can_be_switched_off(app, journal):
    journal.write(3)
    assert start_sealer(app) is None
    for command in (journal.audit.verify, journal.audit.seal):
        with pytest.raises(SealingOff, match="AUDIT_SEALING=on"):
            command()
    assert [row.position for row in journal.rows()] == [None] * 3


@pytest.mark.usefixtures("each_database")
@pytest.mark.settings(audit_sealing="off", audit_retention_days=10)
def test_cleanup_purges_old_events_without_sealing(journal, auth, clock):
    journal.write(250)
    clock.advance(days=9)
    journal.write(2)
    clock.advance(days=2)
    assert auth.cleanup.run()["unsealed_events"] == 250
    assert len(journal.rows()) == 2
    assert auth.cleanup.run()["unsealed_events"] == 0


def test_sealing_continues_after_it_was_off(sealed, settings, clock):
    off = create_app(settings.model_copy(update={"audit_sealing": "off"}), clock=clock)
    Journal(off, AuthInContext(off).audit_sealing).write(2)
    close(off)
    assert (sealed.audit.verify().unsealed, sealed.audit.seal(), sealed.audit.verify().count) == (2, 2, 7)


def test_signing_up_leaves_events_that_can_be_sealed(journal, auth):
    auth.registration.sign_up("ann@example.com", PASSWORD, HOME)
    assert journal.audit.seal() == 1
