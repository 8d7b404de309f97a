"""DATABASE_URL as providers and other programs write it."""

import pytest
import sqlalchemy as sa

from app.core.database_tls import system_ca
from app.core.database_url import read_database_url
from config import SettingsError, load

CA = "/ca.pem"


def arguments(text):
    """What the driver's `connect` is called with, besides the server, the name and the password."""
    url = sa.make_url(read_database_url(text).url)
    named = url.get_dialect()().create_connect_args(url)[1]
    return {
        name: value for name, value in named.items() if name not in ("dbname", "database", "user", "password", "port")
    }


POSTGRESQL = {
    "sslmode=require&channel_binding=require": {"sslmode": "require", "channel_binding": "require"},  # Neon
    "sslmode=verify-full&sslrootcert=/ca.pem": {"sslmode": "verify-full", "sslrootcert": CA},
    "sslrootcert=/ca.pem": {"sslrootcert": CA},
    "sslrootcert=system": {"sslmode": "verify-full", "sslrootcert": system_ca()},
    "ssl=true": {"sslmode": "require"},
    "ssl=false": {"sslmode": "disable"},
    "sslmode=no-verify": {"sslmode": "require"},  # Node
    "sslmode=prefer": {"sslmode": "prefer"},
    "sslmode=require&sslaccept=strict": {"sslmode": "verify-full", "sslrootcert": system_ca()},  # Prisma
    "sslmode=require&sslaccept=accept_invalid_certs": {"sslmode": "require"},
    "schema=public&connection_limit=1&pool_timeout=0": {},
    "schema=accounts&options=-cgeqo%3Doff": {"options": "-csearch_path=accounts -cgeqo=off"},
    "options=project%3Dab-cd": {"options": "project=ab-cd"},
    "application_name=x&target_session_attrs=read-write": {
        "application_name": "x", "target_session_attrs": "read-write",
    },
}  # fmt: skip
REQUIRED, IDENTITY = {"check_hostname": False}, {"ca": system_ca(), "check_hostname": True}
MYSQL = {
    "ssl-mode=REQUIRED": {"ssl": REQUIRED},  # DigitalOcean, Aiven
    "sslmode=require": {"ssl": REQUIRED},
    "ssl=true": {"ssl": REQUIRED},
    "useSSL=true&requireSSL=true": {"ssl": REQUIRED},
    "tls=skip-verify": {"ssl": REQUIRED},
    "ssl-mode=VERIFY_CA&ssl-ca=/ca.pem": {"ssl": {"ca": CA, "check_hostname": False}},
    "sslMode=VERIFY_IDENTITY&ssl_ca=/ca.pem": {"ssl": {"ca": CA, "check_hostname": True}},
    "ssl-mode=VERIFY_IDENTITY": {"ssl": IDENTITY},
    "sslaccept=strict": {"ssl": IDENTITY},  # PlanetScale, Prisma
    'ssl={"rejectUnauthorized":true}': {"ssl": IDENTITY},
    'ssl={"rejectUnauthorized":false}': {"ssl": REQUIRED},
    "tls=true": {"ssl": IDENTITY},
    "ssl_ca=/ca.pem": {"ssl": {"ca": CA}},
    "ssl_ca=/ca.pem&ssl_check_hostname=false": {"ssl": {"ca": CA, "check_hostname": False}},
    "sslcert=/ca.pem&sslaccept=strict": {"ssl": {"ca": CA, "check_hostname": True}},
    "ssl-mode=PREFERRED": {},
    "ssl-mode=DISABLED": {"ssl_disabled": "true"},
    "ssl_disabled=true": {"ssl_disabled": "true"},
    "charset=utf8mb4&connection_limit=5": {"charset": "utf8mb4"},
    "unix_socket=/run/mysqld.sock": {"unix_socket": "/run/mysqld.sock"},
}


@pytest.mark.parametrize(("query", "expected"), POSTGRESQL.items())
def test_parameters_for_postgresql_are_passed_on_or_translated(query, expected):
    assert arguments(f"postgresql://ann:p%40ss@db/x?{query}") == {"host": "db"} | expected


@pytest.mark.parametrize(("query", "expected"), MYSQL.items())
def test_parameters_for_mysql_are_passed_on_or_translated(query, expected):
    found = arguments(f"mysql://ann:p%40ss@db/x?{query}")
    assert found.pop("client_flag", None) in (None, 2)
    assert found == {"host": "db"} | expected


@pytest.mark.parametrize(
    "query",
    ["pgbouncer=true", "prepareThreshold=0", "statement_cache_size=0", "prepared_statements=false",
     "schema=public&pgbouncer=true&connection_limit=1"],
)  # fmt: skip
def test_url_that_names_a_pooler_switches_prepared_statements_off(tmp_path, query):
    settings = load({"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": f"postgresql://db/x?{query}"})
    assert settings.database_prepared_statements == "off"


def test_setting_wins_over_a_url_that_names_a_pooler(tmp_path):
    given = {"DATABASE_URL": "postgresql://db/x?pgbouncer=true", "DATABASE_PREPARED_STATEMENTS": "on"}
    assert load({"INSTANCE_PATH": str(tmp_path), **given}).database_prepared_statements == "on"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ann:hunter2@db/x?nonsense=1", "unknown parameter 'nonsense'"),
        ("mysql://ann:hunter2@db/x?sslidentity=/x", "unknown value of sslidentity"),
        ("mysql://ann:hunter2@db/x?ssl-mode=perhaps", "unknown value of sslmode"),
        ("postgresql://ann:hunter2@db/x?sslmode=perhaps", "unknown value of sslmode"),
        ("mysql://ann:hunter2@db/x?ssl-mode=DISABLED&tls=true", "one parameter turns TLS off and another one on"),
        ("mysql://ann:hunter2@db/x?charset=latin1", "charset must be utf8mb4"),
        ("postgresql://ann:hunter2@db/x?schema=a,b", "schema must be the name of one schema"),
        ("sqlite:////tmp/x.db?sslmode=require", "unknown parameter 'sslmode'"),
        ("postgresql://ann:hunter2@db:port/x", "special characters written as %xx"),
        ("oracle://ann:hunter2@db/x", "must begin with sqlite:///, postgresql:// or mysql://"),
        ("ann:hunter2@db/x", "must begin with sqlite:///, postgresql:// or mysql://"),
    ],
)
def test_url_that_cannot_be_used_is_refused_by_name(tmp_path, url, words):
    with pytest.raises(SettingsError, match=r"^DATABASE_URL\b") as refused:
        load({"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": url})
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_ignored_parameters_are_named_in_a_warning(tmp_path, caplog):
    load({"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": "postgresql://db/x?connection_limit=1&schema=public"})
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "connection_limit" in caplog.text


@pytest.mark.parametrize(
    ("given", "driver"),
    [("postgresql+psycopg2", "postgresql+psycopg"), ("postgresql+asyncpg", "postgresql+psycopg"),
     ("mysql+mysqldb", "mysql+pymysql"), ("mariadb+mariadbconnector", "mysql+pymysql")],
)  # fmt: skip
def test_drivers_of_other_programs_are_replaced(given, driver):
    assert read_database_url(f"{given}://db/x").url == f"{driver}://db/x"


@pytest.mark.parametrize("url", ["postgresql://a@h1:5432,h2:5433/x", "postgresql://a@/x?host=h1:5432&host=h2:5433"])
def test_several_hosts_are_passed_on(url):
    parsed = sa.make_url(read_database_url(url).url)
    named = parsed.get_dialect()().create_connect_args(parsed)[1]
    assert (named["host"], named["port"]) == ("h1,h2", "5432,5433")


@pytest.mark.parametrize("password", ["a/b", "a,b", "a,b/c", "a#b", "a?b", "p@ss", "a:b"])
def test_special_characters_of_a_password_are_kept(password):
    assert sa.make_url(read_database_url(f"postgresql://ann:{password}@db/x?sslmode=require").url).password == password


def test_translated_url_is_translated_to_itself():
    for scheme, queries in (("postgresql", POSTGRESQL), ("mysql", MYSQL)):
        for query in queries:
            once = read_database_url(f"{scheme}://db/x?{query}").url
            assert arguments(once) == arguments(f"{scheme}://db/x?{query}")
