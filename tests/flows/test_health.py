"""Whether this process can do its work."""

import socket

import pytest
import sqlalchemy as sa

from app import create_app
from app.core.database import db
from app.core.tcp_probe import TcpProbe
from app.domain.mail.smtp_errors import TemporaryFailure
from app.flows.health import NotReady
from tests.conftest import AuthInContext
from tests.support.api import sign_up
from tests.support.apps import close
from tests.support.ports import unused_port

AWAY = "postgresql://nobody@127.0.0.1:1/nowhere"
ALL_WELL = {"database": "ok", "migrations": "ok", "signing_keys": "ok", "mail": "ok"}


@pytest.fixture
def migrated_to(app):
    """Make the database look as if it had been migrated to another version."""

    def write(version):
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    return write


def test_with_all_that_it_needs_it_is_ready(each_app, auth):
    assert auth.health.ready() == ALL_WELL


@pytest.mark.settings(database_url=AWAY)
def test_without_its_database_it_names_what_is_missing(auth):
    with pytest.raises(NotReady, match="database away") as refused:
        auth.health.ready()
    assert refused.value.retry_after > 0


READ_ONLY = {
    "postgresql": "options=-cdefault_transaction_read_only%3Don",
    "mariadb": "init_command=SET SESSION TRANSACTION READ ONLY",
}


@pytest.mark.parametrize(("database", "query"), READ_ONLY.items(), indirect=["database"], ids=READ_ONLY)
def test_database_that_accepts_no_write_is_not_ready(app, settings, query):
    assert AuthInContext(app).health.ready()
    url = settings.database_url
    replica = create_app(settings.model_copy(update={"database_url": f"{url}{'&' if '?' in url else '?'}{query}"}))
    with pytest.raises(NotReady, match="database away"):
        AuthInContext(replica).health.ready()
    close(replica)


def test_on_tables_of_an_older_version_it_is_not_ready(auth, migrated_to):
    migrated_to("0001")
    with pytest.raises(NotReady, match="migrations behind"):
        auth.health.ready()


def test_on_a_database_without_tables_it_is_not_ready(settings, tmp_path):
    app = create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.db'}"}))
    with pytest.raises(NotReady, match="migrations behind"):
        AuthInContext(app).health.ready()
    close(app)


def test_on_tables_of_a_later_version_it_goes_on(auth, migrated_to):
    migrated_to("9999")
    assert auth.health.ready() == ALL_WELL


def test_with_keys_that_another_secret_encrypted_it_is_not_ready(settings, auth):
    auth.key_rotation.all()
    app = create_app(settings.model_copy(update={"key_encryption_secret": "another secret of thirty-two bytes"}))
    with pytest.raises(NotReady, match="signing_keys unreadable"):
        AuthInContext(app).health.ready()
    close(app)


@pytest.mark.settings(mail_port=unused_port(), redis_url=f"redis://127.0.0.1:{unused_port()}/0")
def test_service_is_ready_without_mail_server_and_redis(auth):
    assert auth.health.ready() == ALL_WELL | {"mail": "away", "redis": "away"}


def test_rejected_sender_is_reported_by_every_process(each_app, auth, mailbox, settings, client):
    mailbox.at_mail_from = "550 5.7.1 sender not verified"
    sign_up(client)
    with pytest.raises(TemporaryFailure):
        auth.mail_delivery.deliver_due()
    other = create_app(settings)
    assert AuthInContext(other).health.ready() == ALL_WELL | {"mail": "failing"}
    mailbox.clear()
    auth.mail_delivery.deliver_due()
    assert AuthInContext(other).health.ready() == ALL_WELL
    close(other)


def test_a_server_is_not_asked_at_every_probe():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = TcpProbe(*listener.getsockname())
        assert port.is_reachable()
    assert port.is_reachable()
