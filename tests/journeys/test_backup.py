"""A backup is worth what its restoration is: people sign in, and devices go on."""

import shutil
import sqlite3
import subprocess

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from app import create_app
from tests.conftest import lacking
from tests.journeys.conftest import ONE_PROCESS
from tests.support.api import ANN, log_in, me, refresh, sign_up, sql
from tests.support.apps import close
from tests.support.round_robin import HttpProxyApp, RoundRobin
from tests.support.servers import OwnPostgres, given_database
from tests.test_migrations import another_database


def program(name):
    """A program of the database's own."""
    if name.startswith("p"):
        beside = OwnPostgres().bin / name
        if beside.exists() and not given_database("postgresql"):
            return str(beside)
    return shutil.which(name) or lacking(name)


def postgres(name, url, *options):
    """The command that runs a PostgreSQL program on a database."""
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return [program(name), *options, plain]


def mariadb(name, url, *options):
    """The command that runs a MariaDB program on a database."""
    at = sa.make_url(url)
    where = f"--socket={at.query['unix_socket']}" if "unix_socket" in at.query else f"--host={at.host}"
    password = [f"--password={at.password}"] if at.password else []
    return [program(name), "--no-defaults", where, f"--user={at.username}", *password, *options, at.database]


def copy(source, target):
    """Back one database up, and restore it into an empty one, with the commands of docs/operations.md."""
    kind = sa.make_url(source).get_backend_name()
    if kind == "sqlite":
        with sqlite3.connect(sa.make_url(source).database) as old, sqlite3.connect(sa.make_url(target).database) as new:
            old.backup(new)  # what `.backup` does
        old.close()
        new.close()
        return
    if kind == "postgresql":
        out, into = (
            postgres("pg_dump", source, "--no-owner", "-d"),
            postgres("psql", target, "-qX", "-v", "ON_ERROR_STOP=1", "-1", "-d"),
        )
    else:
        out, into = mariadb("mariadb-dump", source, "--single-transaction"), mariadb("mariadb", target)
    dump = subprocess.run(out, check=True, capture_output=True, timeout=60).stdout
    subprocess.run(into, input=dump, check=True, capture_output=True, timeout=60)


@pytest.fixture
def elsewhere(database):
    """The URL of an empty database."""
    with another_database(database) as url:
        yield url


@pytest.fixture
def started(place, elsewhere, settings, clock, process_pool):
    """`started(secret_key=...)` are clients of processes that start anew, on another database or with other secrets."""
    apps = []

    def start(**changes):
        changed = settings.model_copy(update=changes)
        if place != ONE_PROCESS:
            return Client(RoundRobin(*(HttpProxyApp(process_pool.serve(changed, clock=clock)) for _ in range(2))))
        apps.append(create_app(changed, clock=clock))
        return apps[-1].test_client()

    yield start
    for app in apps:
        close(app)


def test_after_a_restoration_people_sign_in_and_devices_go_on(client, settings, elsewhere, started):
    tokens = sign_up(client)
    copy(settings.database_url, elsewhere)
    visitor = started(database_url=elsewhere)
    assert [visitor.get("/readyz").status_code for _ in range(2)] == [200, 200]
    assert me(visitor, tokens).json["email"] == ANN["email"]
    assert refresh(visitor, tokens).status_code == 200
    assert log_in(visitor).status_code == 200


def test_stolen_backup_is_useless_without_its_secret(client, settings, elsewhere, started):
    sign_up(client)
    copy(settings.database_url, elsewhere)
    thief = started(database_url=elsewhere, secret_key="another secret of thirty-two bytes")
    assert [thief.get("/readyz").status_code for _ in range(2)] == [503, 503]


def test_deleted_keys_are_replaced_after_the_secret_is_lost(app, client, started):
    tokens = sign_up(client)
    secret = {"key_encryption_secret": "a new secret of thirty-two bytes"}
    assert started(**secret).get("/readyz").status_code == 503
    sql(app, "DELETE FROM signing_keys")
    renewed = started(**secret)
    assert [renewed.get("/readyz").status_code for _ in range(2)] == [200, 200]
    assert me(renewed, tokens).status_code == 200
