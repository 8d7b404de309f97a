"""TLS to real database servers, as the parameters of DATABASE_URL ask for it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.database_url import read_database_url
from tests.conftest import lacking
from tests.support.ports import unused_port
from tests.support.profile import only_long
from tests.support.proxies import make_certificate
from tests.support.servers import NotHere, OwnMariaDB, OwnPostgres, is_root

ENCRYPTED = {
    "postgresql": "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
}


class TlsServer:
    """A server that has the certificate of localhost and listens on a port of 127.0.0.1."""

    certificate: Path
    key: Path
    port: int

    def take_certificate(self):
        """Give the server files that its user can read."""
        self.port = unused_port()
        for file in (self.certificate, self.key):
            copy = shutil.copy(file, self.folder / file.name)
            Path(copy).chmod(0o600)
            if is_root():
                shutil.chown(copy, "nobody")
        return self.folder / self.certificate.name, self.folder / self.key.name


class TlsPostgres(TlsServer, OwnPostgres):
    """PostgreSQL with TLS."""

    def again(self):
        certificate, key = self.take_certificate()
        options = (
            f"unix_socket_directories={self.folder}",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "ssl=on",
        )
        files = (f"ssl_cert_file={certificate}", f"ssl_key_file={key}")
        command = (f"--{option}" for option in (*options, *files))
        self.launch(self.bin / "postgres", "-D", self.data, *command, ready=self.ready)


class TlsMariaDB(TlsServer, OwnMariaDB):
    """MariaDB with TLS."""

    def again(self):
        certificate, key = self.take_certificate()
        network = (f"--socket={self.socket}", "--bind-address=127.0.0.1", f"--port={self.port}")
        tls = (f"--ssl-cert={certificate}", f"--ssl-key={key}", f"--pid-file={self.folder / 'pid'}")
        self.launch(self.server, *self.options, *network, *tls, ready=self.ready)
        user = "CREATE USER ann@'%'; GRANT ALL ON *.* TO ann@'%'"
        client = [shutil.which("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "-e", user]
        subprocess.run(client, check=True, capture_output=True)


def is_encrypted(url):
    """Whether a connection is encrypted; None if none is made."""
    engine = sa.create_engine(read_database_url(url).url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(sa.text(ENCRYPTED[engine.dialect.name])))
    except sa.exc.OperationalError:
        return None


@only_long
@pytest.mark.parametrize(
    ("server", "start", "ca"),
    [(TlsPostgres, "postgresql://postgres", "sslrootcert"), (TlsMariaDB, "mysql://ann", "ssl_ca")],
)
def test_connections_are_as_safe_as_the_url_asks(tmp_path, server, start, ca):
    server.certificate, server.key = make_certificate(tmp_path)
    authority = f"{ca}={server.certificate}"
    try:
        running = server()
        with running:

            def on(host, query):
                return is_encrypted(f"{start}@{host}:{running.port}/{'postgres' * (ca == 'sslrootcert')}?{query}")

            assert [on("127.0.0.1", query) for query in ("sslmode=require", "ssl=true")] == [True, True]
            assert on("127.0.0.1", "sslmode=disable") is False
            assert on("localhost", f"sslmode=verify-full&{authority}") is True
            assert on("127.0.0.1", f"sslmode=verify-full&{authority}") is None
            assert on("127.0.0.1", f"sslmode=verify-ca&{authority}") is True
            assert on("localhost", "sslaccept=strict") is None
    except NotHere as reason:
        lacking(str(reason))
