"""Fills a database with many accounts, by statements whose rows the database generates itself.

Each account has five sessions, one sent message and one event. All have the same password.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

PASSWORD: Final = "correct horse battery"
SESSIONS: Final = 5  # of each account
BATCH: Final = 100_000  # rows of one statement and one transaction
USER_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
DAY: Final = 86_400  # seconds
YEAR: Final = 365 * DAY


@dataclass(frozen=True)
class Dialect:
    """How a database generates numbers, and writes them in hexadecimal, as a fixed number of digits, and as a time."""

    numbers: str
    hexadecimal: str
    digits: str
    moment: str
    before: tuple[str, ...]
    analyze: str


DIALECTS: Final = {
    "sqlite": Dialect(
        "(WITH RECURSIVE r(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM r WHERE n < {last}) SELECT n FROM r)",
        "printf('%0{width}x', {value})",
        "printf('%08d', {value})",
        "strftime('%Y-%m-%d %H:%M:%f000', {value}, 'unixepoch')",
        ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA foreign_keys=OFF", "PRAGMA cache_size=-500000"),
        "",  # the service collects none, so SQLite plans by the indexes alone
    ),
    "postgresql": Dialect(
        "(SELECT generate_series(CAST({first} AS bigint), {last}) AS n)",
        "lpad(to_hex({value}), {width}, '0')",
        "lpad(CAST({value} AS text), 8, '0')",
        "to_timestamp({value})",
        ("SET session_replication_role = replica", "SET synchronous_commit = off"),  # the first: without foreign keys
        "VACUUM ANALYZE {table}",  # as autovacuum does soon, which would run during a measurement
    ),
    "mysql": Dialect(
        "(SELECT seq AS n FROM seq_{first}_to_{last})",
        "lower(lpad(hex({value}), {width}, '0'))",
        "lpad({value}, 8, '0')",
        "timestampadd(SECOND, {value}, '1970-01-01')",
        ("SET foreign_key_checks = 0", "SET unique_checks = 0"),
        "ANALYZE TABLE {table}",
    ),
}  # fmt: skip


class Seeder:
    """Writes rows into the migrated database at `url`, and notes their number in `rows`."""

    def __init__(self, url: str, now: datetime | None = None) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._dialect = DIALECTS[self._engine.dialect.name]
        self._now = int((now or datetime.now(UTC)).timestamp())
        self.rows: dict[str, int] = {}

    def accounts(self, count: int, password_hash: str, events: int | None = None) -> None:
        """Accounts with their sessions, messages and events. Person 7 is `email_of(7)`. `events`: not one for each."""
        own_id, created = self._id("n", count), self._moment(f"{self._now - YEAR} + n * {max(YEAR // count, 1)}")
        address = self._joined("'person'", self._dialect.digits.format(value="n"), "'@example.com'")
        self._insert("accounts", count, {
            "id": own_id, "email": address, "email_canonical": address, "email_verified_at": created,
            "password_hash": f"'{password_hash}'", "first_name": "'Ann'", "last_name": "'Example'", "roles": "''",
            "credentials_version": "0", "created_at": created, "updated_at": created,
            "disabled_at": f"CASE WHEN n % 500 = 499 THEN {created} END",
        })  # fmt: skip
        # The first session of each account, then the second of each: in a real table they are not neighbours either.
        self._insert("sessions", SESSIONS * count, self._session(SESSIONS * count, count, days=13))
        self._insert("outbox", count, {
            "kind": "'verify_email'", "account_id": own_id, "address": address, "mailbox": address,
            "parameters": "'{}'", "message_id": self._joined("'<'", own_id, "'@example.com>'"),
            "state": "'sent'", "attempts": "1", "due_at": created, "created_at": created, "finished_at": created,
        })  # fmt: skip
        self._insert("audit_events", count if events is None else events, {
            "at": created, "event": "'account.created'", "result": "'success'", "account_id": own_id,
            "actor_id": own_id, "ip": "'192.0.2.1'", "user_agent": f"'{USER_AGENT}'", "details": "'{}'",
        })  # fmt: skip

    def expired(self, sessions: int, actions: int, accounts: int) -> None:
        """Sessions and email actions that cleanup deletes, of the `accounts` accounts that are there."""
        self._insert("sessions", sessions, self._session(sessions, accounts, days=-40, prefix="f"))
        long_ago = self._moment(f"{self._now - 40 * DAY}")
        self._insert("email_actions", actions, {
            "account_id": self._id(f"n % {accounts}", accounts), "purpose": "'undo-email-change'",
            "replaced_version": f"1 + floor(n / {accounts})", "message_id": "n", "expires_at": long_ago,
            "code_expires_at": long_ago, "attempts": "0",
        })  # fmt: skip

    def analyze(self) -> None:
        """Collect the statistics that the planner needs."""
        if self._dialect.analyze:
            with self._engine.connect() as connection:
                for table in self.rows:
                    connection.exec_driver_sql(self._dialect.analyze.format(table=table)).close()

    def _session(self, count: int, accounts: int, *, days: int, prefix: str = "") -> dict[str, str]:
        """The columns of sessions that expire in `days` days, and in the day after that."""
        expires, created = (
            self._moment(f"{self._now + after * DAY} + floor(n * {DAY / count})") for after in (days, days - 14)
        )
        return {
            "id": self._id("n", count, prefix), "account_id": self._id(f"n % {accounts}", accounts),
            "generation": "0", "created_at": created, "rotated_at": created, "expires_at": expires,
            "absolute_expires_at": expires, "ip": "'192.0.2.1'", "user_agent": f"'{USER_AGENT}'",
            "authenticated_at": created,
        }  # fmt: skip

    def _insert(self, table: str, count: int, columns: Mapping[str, str]) -> None:
        names, values = ", ".join(columns), ", ".join(columns.values())
        with self._engine.connect() as connection:
            for statement in self._dialect.before:
                connection.exec_driver_sql(statement).close()
            for first in range(0, count, BATCH):
                numbers = self._dialect.numbers.format(first=first, last=min(first + BATCH, count) - 1)
                insert = f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers} AS numbers"
                connection.execute(sa.text(insert.replace(":", "\\:")))
        self.rows[table] = self.rows.get(table, 0) + count

    def _id(self, number: str, count: int, prefix: str = "") -> str:
        """A UUID that grows with `number` and differs from the others in its first digits, as random ones do."""
        width = 8 - len(prefix)
        first = self._dialect.hexadecimal.format(value=f"({number}) * {16**width // count}", width=width)
        last = self._dialect.hexadecimal.format(value=f"({number})", width=12)
        return self._joined(f"'{prefix}'", first, "'-0000-4000-8000-'", last)

    def _moment(self, seconds: str) -> str:
        return self._dialect.moment.format(value=seconds)

    def _joined(self, *parts: str) -> str:
        return f"concat({', '.join(parts)})" if self._engine.dialect.name == "mysql" else f"({' || '.join(parts)})"


def email_of(person: int) -> str:
    """The address of an account that `Seeder.accounts` wrote."""
    return f"person{person:08}@example.com"
