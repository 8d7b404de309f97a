"""DATABASE_URL: the forms that providers and other programs give it, as the URL that SQLAlchemy and the driver take.

Parameters are passed on, translated or, if nothing here depends on them, ignored. Others raise `ValueError`, because a
parameter that is dropped could have been the one that asks for TLS.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from app.core.database_tls import mysql_tls, postgresql_tls


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


log = logging.getLogger(__name__)
BACKENDS: Final = {"postgres": "postgresql", "mariadb": "mysql"}
DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}
# Names are compared in lower case, without hyphens and underscores: sslMode, ssl-mode and ssl_mode are one.
LIBPQ: Final = _words(
    "host hostaddr port dbname user password passfile channel_binding connect_timeout client_encoding options"
    " application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count"
    " tcp_user_timeout gssencmode krbsrvname gsslib gssdelegation service require_auth target_session_attrs"
    " load_balance_hosts requirepeer sslcompression sslcert sslkey sslpassword sslcertmode sslrootcert sslcrl sslcrldir"
    " sslsni sslnegotiation ssl_min_protocol_version ssl_max_protocol_version sslmode"
)
PYMYSQL: Final = frozenset({"unix_socket", "charset", "collation", "init_command", "bind_address", "server_public_key"})
SQLITE: Final = frozenset({"cache", "immutable", "mode", "nolock", "timeout", "uri", "vfs"})
# Pools, timeouts and features of other clients. The service has its own: see docs/configuration.md.
IGNORED: Final = _words(
    "connectionlimit poolsize pooltimeout poolmode minpoolsize maxpoolsize maxidleconnectionlifetime"
    " maxconnectionlifetime singleuseconnections sockettimeout connecttimeout readtimeout writetimeout timeout"
    " applicationname supa workaround uselibpqcompat autoreconnect reconnect servertimezone useunicode"
    " characterencoding allowpublickeyretrieval parsetime multistatements loc encoding cachepreparedstatements"
)
# By these other clients are told that a pooler is in between.
NO_PREPARED_STATEMENTS: Final = {
    "pgbouncer": "true",
    "preparethreshold": "0",
    "statementcachesize": "0",
    "preparedstatementcachesize": "0",
    "preparedstatements": "false",
}
FORM: Final = "it must be like postgresql://user:password@host:5432/name, with special characters written as %xx"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A URL for SQLAlchemy. `pooled`: the given one says that a pooler is in between."""

    url: str
    pooled: bool = False


@dataclass(slots=True)
class _Parameters:
    """The parameters of one URL while they are sorted."""

    passed: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    tls: dict[str, str] = field(default_factory=dict)
    pooled: bool = False


def read_database_url(text: str) -> DatabaseUrl:
    """Translate a URL. Raises `ValueError`, whose message names the parameter and shows no value."""
    scheme, _, rest = text.partition("://")
    name = scheme.partition("+")[0]  # whatever driver another program uses, this one has its own
    backend = BACKENDS.get(name, name)
    driver = DRIVERS.get(backend)
    if driver is None:
        raise ValueError("DATABASE_URL must begin with sqlite:///, postgresql:// or mysql://")
    if "?" not in rest and backend == "sqlite":
        return DatabaseUrl(f"{driver}://{rest}")
    try:
        url = sa.make_url(f"{driver}://{_for_sqlalchemy(rest)}")
    except (ValueError, sa.exc.ArgumentError):
        raise ValueError(f"DATABASE_URL cannot be read: {FORM}") from None
    found = _Parameters()
    for name, value in url.query.items():
        if not isinstance(value, str) and name == "host":
            found.passed[name] = tuple(value)
        else:
            _READ[backend](found, name, value if isinstance(value, str) else value[-1])
    if found.options:
        found.passed["options"] = " ".join(found.options)
    if backend != "sqlite":
        found.passed.update(postgresql_tls(found.tls) if backend == "postgresql" else mysql_tls(found.tls))
    url = url.set(query=found.passed)
    return DatabaseUrl(url.render_as_string(hide_password=False), found.pooled)


def _read_postgresql(found: _Parameters, name: str, value: str) -> None:
    plain = _plain(name)
    if plain in ("ssl", "sslaccept", "sslmode", "sslrootcert"):
        found.tls[plain] = value
    elif name == "options":
        found.options.append(value)
    elif name in LIBPQ:
        found.passed[name] = value
    elif plain in NO_PREPARED_STATEMENTS:
        found.pooled |= value.lower() == NO_PREPARED_STATEMENTS[plain]
    elif plain in ("schema", "currentschema", "searchpath"):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError(f"DATABASE_URL: {name} must be the name of one schema")
        if value != "public":
            found.options.append(f"-csearch_path={value}")
    else:
        _ignore(name)


def _read_mysql(found: _Parameters, name: str, value: str) -> None:
    plain = _plain(name)
    if plain == "charset" and value.lower() not in ("utf8mb4", "utf8"):
        raise ValueError(f"DATABASE_URL: {name} must be utf8mb4, or be left out")
    if plain == "charset":
        found.passed["charset"] = "utf8mb4"
    elif name in PYMYSQL:
        found.passed[name] = value
    elif plain.startswith("ssl") or plain in ("tls", "usessl", "requiressl", "verifyservercertificate"):
        found.tls["sslca" if name == "sslcert" else plain] = value  # Prisma calls the CA so
    elif plain not in NO_PREPARED_STATEMENTS:
        _ignore(name)


def _read_sqlite(found: _Parameters, name: str, value: str) -> None:
    if name not in SQLITE:
        raise _unknown(name)
    found.passed[name] = value


def _for_sqlalchemy(rest: str) -> str:
    # libpq takes host1:5432,host2:5432 before the database; SQLAlchemy takes such hosts as parameters.
    authority, slash, path = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    user = user.replace("@", "%40")  # of a password that was not encoded
    if "," not in hosts or "@" in path.partition("?")[0]:  # the comma is part of a password with a slash
        return f"{user}{at}{hosts}{slash}{path}"
    return f"{user}{at}/{path}{'&' if '?' in path else '?'}" + "&".join(f"host={host}" for host in hosts.split(","))


def _ignore(name: str) -> None:
    if _plain(name) not in IGNORED:
        raise _unknown(name)
    log.warning("DATABASE_URL: the parameter %s changes nothing here. See docs/configuration.md.", name)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _unknown(name: str) -> ValueError:
    return ValueError(
        f"DATABASE_URL: unknown parameter {name!r}. Remove it; docs/configuration.md lists the known ones"
    )


_READ: Final[Mapping[str, Callable[[_Parameters, str, str], None]]] = {
    "postgresql": _read_postgresql,
    "mysql": _read_mysql,
    "sqlite": _read_sqlite,
}
