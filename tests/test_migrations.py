"""The tables: made by migrations, as the models say, once, whoever is first."""

import os
from contextlib import contextmanager
from secrets import token_hex
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade

from app import MIGRATIONS, create_app, migrate
from app.core.database import Base, migration_engine
from app.core.schema import TablesDiffer, belongs_to
from config import load
from tests.support.apps import close


@contextmanager
def another_database(url, having=""):
    """A new database, without tables, on the server of this one, or in a new folder."""
    server = sa.make_url(url)
    if server.get_backend_name() == "sqlite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/another.db"
        return
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"latchkey_test_{token_hex(8)}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} {having}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            force = " WITH (FORCE)" * (server.get_backend_name() == "postgresql")
            connection.execute(sa.text(f"DROP DATABASE {name}{force}"))


@pytest.fixture
def empty(each_database):
    """The URL of a database without tables, of each kind."""
    with another_database(each_database) as url:
        yield url


@pytest.fixture
def settings(empty, tmp_path):
    return load({}, app_env="testing", instance_path=tmp_path, database_url=empty, bcrypt_rounds=4)


@pytest.fixture
def app(settings):
    app = create_app(settings)
    yield app
    close(app)


def tables(app):
    with app.app_context():
        return set(sa.inspect(migration_engine()).get_table_names()) - {"alembic_version", "sqlite_sequence"}


def drift(app):
    """What the tables lack to be what the models say."""
    with app.app_context(), migration_engine().connect() as connection:
        opts = {"compare_type": True, "include_object": belongs_to(connection.dialect)}
        context = MigrationContext.configure(connection, opts=opts)
        return compare_metadata(context, Base.metadata)


def version(app):
    with app.app_context(), migration_engine().connect() as connection:
        return [row[0] for row in connection.execute(sa.text("SELECT version_num FROM alembic_version"))]


def run_sql(app, *statements):
    with app.app_context(), migration_engine().connect() as connection, connection.begin():
        for statement in statements:
            connection.execute(sa.text(statement))


def rows(app, statement):
    with app.app_context(), migration_engine().connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


@pytest.fixture
def unversioned(app):
    """The app on tables that `db.create_all()` made."""
    with app.app_context(), migration_engine().connect() as connection, connection.begin():
        Base.metadata.create_all(connection)
    return app


def test_each_migration_can_be_reverted_and_applied_again(app):
    steps = [step.revision for step in ScriptDirectory(MIGRATIONS).walk_revisions()][::-1]
    for step in steps:
        with app.app_context():
            upgrade(directory=MIGRATIONS, revision=step)
            downgrade(directory=MIGRATIONS, revision="-1")
            upgrade(directory=MIGRATIONS, revision=step)
    assert version(app) == [steps[-1]]
    assert tables(app) == set(Base.metadata.tables)
    assert drift(app) == []
    with app.app_context():
        downgrade(directory=MIGRATIONS, revision="base")
    assert tables(app) == set()


TIME = "'2026-01-01 00:00:00.000000'"


def test_links_sessions_and_missing_passwords_survive_the_renaming(app):
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0008")
    run_sql(
        app,
        "INSERT INTO accounts (id, email, email_canonical, password_hash, roles, credentials_version, created_at,"
        f" updated_at) VALUES ('a', 'ann@example.com', 'ann@example.com', '!', '', 3, {TIME}, {TIME})",
        "INSERT INTO challenges (account_id, purpose, letter, address, reserved, expires_at, code_expires_at, tries)"
        f" VALUES ('a', 'undo-email-change', 7, 'Old@example.com', 'old@example.com', {TIME}, {TIME}, 2)",
        "INSERT INTO sessions (id, account_id, generation, created_at, rotated_at, expires_at, ends_at,"
        f" authenticated_at, rotated_with) VALUES ('s', 'a', 4, {TIME}, {TIME}, {TIME}, {TIME}, {TIME}, 'key')",
    )
    migrate(app)
    assert rows(app, "SELECT account_id, purpose, message_id, address, reserved, attempts FROM email_actions") == [
        ("a", "undo-email-change", 7, "Old@example.com", "old@example.com", 2)
    ]
    assert rows(app, "SELECT generation, idempotency_key_hash, auth_methods, level FROM sessions") == [
        (4, "key", "pwd", 1)
    ]
    assert rows(app, "SELECT password_hash, credentials_version FROM accounts") == [(None, 3)]
    with app.app_context():
        downgrade(directory=MIGRATIONS, revision="0008")
    assert rows(app, "SELECT letter, tries FROM challenges") == [(7, 2)]
    assert rows(app, "SELECT password_hash FROM accounts") == [("!",)]


def test_old_accounts_count_as_unverified_since_their_creation(app):
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0009")
    columns = "id, email, email_canonical, email_verified_at, roles, credentials_version, created_at, updated_at"
    for name, verified in (("ann", "NULL"), ("bob", TIME)):
        values = f"'{name}', '{name}', '{name}', {verified}, '', 0, {TIME}, {TIME}"
        run_sql(app, f"INSERT INTO accounts ({columns}) VALUES ({values})")
    migrate(app)
    assert rows(app, "SELECT id FROM accounts WHERE unverified_since = created_at") == [("ann",)]
    assert rows(app, "SELECT id FROM accounts WHERE unverified_since IS NULL") == [("bob",)]


def test_pending_undo_and_session_survive_the_new_key(app):
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0009")
    run_sql(
        app,
        "INSERT INTO accounts (id, email, email_canonical, roles, credentials_version, created_at, updated_at)"
        f" VALUES ('a', 'ann@example.com', 'ann@example.com', '', 3, {TIME}, {TIME})",
        "INSERT INTO email_actions (account_id, purpose, message_id, address, reserved, expires_at, code_expires_at,"
        f" attempts) VALUES ('a', 'undo-email-change', 7, 'Old@example.com', 'old@example.com', {TIME}, {TIME}, 0)",
        "INSERT INTO sessions (id, account_id, generation, created_at, rotated_at, expires_at, absolute_expires_at,"
        f" authenticated_at) VALUES ('s', 'a', 4, {TIME}, {TIME}, {TIME}, {TIME}, {TIME})",
    )
    migrate(app)
    run_sql(
        app,
        "INSERT INTO email_actions (account_id, purpose, replaced_version, message_id, address, expires_at,"
        f" code_expires_at, attempts) VALUES ('a', 'undo-email-change', 3, 9, 'b@example.com', {TIME}, {TIME}, 0)",
    )
    found = rows(app, "SELECT replaced_version, message_id, reserved FROM email_actions ORDER BY replaced_version")
    assert found == [(0, 7, "old@example.com"), (3, 9, None)]
    assert rows(app, "SELECT generation, lost_successors FROM sessions") == [(4, 0)]
    with app.app_context():
        downgrade(directory=MIGRATIONS, revision="0009")
    assert rows(app, "SELECT message_id, reserved FROM email_actions") == [(7, "old@example.com")]


def test_accounts_without_a_way_in_become_open_invitations(app):
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0013")
    columns = (
        "id, email, email_canonical, password_hash, email_verified_at, roles, credentials_version, created_at,"
        " updated_at"
    )
    for name, password, verified, version in (
        ("invited", "NULL", "NULL", 0),
        ("with a password", "'x'", "NULL", 0),
        ("verified", "NULL", TIME, 0),
        ("secured", "NULL", "NULL", 1),
        ("with a session", "NULL", "NULL", 0),
        ("with a passkey", "NULL", "NULL", 0),
    ):
        values = f"'{name}', '{name}', '{name}', {password}, {verified}, '', {version}, {TIME}, {TIME}"
        run_sql(app, f"INSERT INTO accounts ({columns}) VALUES ({values})")
    run_sql(
        app,
        "INSERT INTO sessions (id, account_id, generation, created_at, rotated_at, expires_at, absolute_expires_at,"
        " authenticated_at, lost_successors)"
        f" VALUES ('s', 'with a session', 4, {TIME}, {TIME}, {TIME}, {TIME}, {TIME}, 0)",
        "INSERT INTO passkeys (id, account_id, digest, credential_id, public_key, sign_count, transports, aaguid,"
        f" backup_eligible, backed_up, created_at) VALUES (1, 'with a passkey', 'd', 'c', 'k', 0, '', '', false, false,"
        f" {TIME})",
    )
    migrate(app)
    assert rows(app, "SELECT id FROM accounts WHERE invited_at = created_at") == [("invited",)]
    assert rows(app, "SELECT count(*) FROM accounts WHERE invited_at IS NOT NULL") == [(1,)]


def test_a_second_start_finds_nothing_to_do(app, client):
    migrate(app)
    assert drift(app) == []
    body = {"email": "ann@example.com", "password": "correct horse battery"}
    client.post("/api/v1/auth/signup", json=body)
    migrate(app)
    assert client.post("/api/v1/auth/login", json=body).status_code == 200


def test_there_is_one_newest_migration():
    assert len(ScriptDirectory(MIGRATIONS).get_heads()) == 1


def test_tables_of_create_all_get_the_newest_version(unversioned, client):
    migrate(unversioned)
    assert (version(unversioned), drift(unversioned)) == ([ScriptDirectory(MIGRATIONS).get_current_head()], [])
    body = {"email": "ann@example.com", "password": "correct horse battery"}
    assert client.post("/api/v1/auth/signup", json=body).status_code == 201
    migrate(unversioned)


def test_the_upgrade_command_adopts_tables_of_create_all(unversioned):
    done = unversioned.test_cli_runner().invoke(args=["db", "upgrade"])
    assert (done.exit_code, version(unversioned)) == (0, [ScriptDirectory(MIGRATIONS).get_current_head()])


def test_other_tables_without_a_version_are_refused(unversioned):
    run_sql(
        unversioned,
        "DROP TABLE outbox",
        "DROP TABLE leases",
        "ALTER TABLE accounts ADD COLUMN age INTEGER",
        "ALTER TABLE accounts DROP COLUMN locale",
    )
    before = tables(unversioned)
    with pytest.raises(TablesDiffer, match="flask db stamp 0001") as refused:
        migrate(unversioned)
    found = (
        "table outbox is missing",
        "table leases is missing",
        "accounts.age is unknown",
        "accounts.locale is missing",
    )
    assert [words for words in found if words not in str(refused.value)] == []
    assert tables(unversioned) == before
    assert unversioned.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 1


def test_tables_of_an_earlier_create_all_are_migrated_once_stamped(app):
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0003")
    run_sql(app, "DROP TABLE alembic_version")
    with pytest.raises(TablesDiffer, match="table audit_head is missing"):
        migrate(app)
    assert app.test_cli_runner().invoke(args=["db", "stamp", "0003"]).exit_code == 0
    migrate(app)
    assert drift(app) == []


def test_tables_of_a_newer_version_are_left_alone(app):
    migrate(app)
    run_sql(app, "UPDATE alembic_version SET version_num = '9999'", "ALTER TABLE accounts ADD COLUMN age INTEGER")
    migrate(app)
    assert version(app) == ["9999"]
    run_sql(app, "DROP TABLE leases", "ALTER TABLE accounts DROP COLUMN locale")
    with pytest.raises(TablesDiffer, match=r"version 9999.*accounts\.locale is missing"):
        migrate(app)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes fork to start four at once")
def test_of_four_processes_that_start_at_once_one_migrates(app, settings, process_pool, tmp_path):
    output = tmp_path / "output"
    process_pool.at_once(settings, "migrate", output)
    assert output.read_text() == ""
    run_sql(app, "DROP TABLE alembic_version")  # as db.create_all() leaves it
    process_pool.at_once(settings, "migrate", output)
    assert (output.read_text().count("the tables had no version"), output.read_text().count("\n")) == (1, 1)
    assert (len(version(app)), drift(app)) == (1, [])
