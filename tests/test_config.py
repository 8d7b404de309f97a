"""The settings: validated once at start, with errors that name the variable."""

import base64
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app import create_app
from config import RENAMED, ROOT, Settings, SettingsError, load, new_signing_key
from tests.support.ports import unused_port
from tests.support.profile import long, sized

# Forks wait until the last one is there: new processes would begin at moments that differ by more than the race takes.
LOADED_AT_ONCE = """
import os, sys
import app
from config import load

gate, opener = os.pipe()
for _ in range(int(sys.argv[1])):
    if not os.fork():
        os.close(opener)
        os.read(gate, 1)
        settings = load()
        os.write(1, f"{settings.secret_key} {settings.signing_key!r}\\n".encode())
        os._exit(0)
os.close(opener)
for _ in range(int(sys.argv[1])):
    assert os.wait()[1] == 0
"""
BAD = {
    "APP_ENV": "staging",
    "PORT": "http",
    "PUBLIC_URL": "localhost:8000",
    "WORKERS": "0",
    "THREADS": "many",
    "DRAIN_SECONDS": "61",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "chatty",
    "METRICS": "perhaps",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
    "CLEANUP_INTERVAL_MINUTES": "-1",
    "DATABASE_URL": "oracle://localhost/x",
    "DATABASE_PREPARED_STATEMENTS": "perhaps",
    "CORS_ORIGINS": "https://app.example.com/",
    "CORS_HEADERS": "*",
    "COOKIE_SAMESITE": "sometimes",
    "COOKIE_DOMAIN": "other.example",
    "TRUSTED_PROXIES": "10.0.0.0/8, my-proxy",
    "MAIL_PORT": "70000",
    "MAIL_USE_TLS": "perhaps",
    "MAIL_USE_SSL": "perhaps",
    "MAIL_TIMEOUT": "0",
    "MAIL_DELIVERER": "pigeon",
    "RESET_PASSWORD_URL": "https://app.example.com/reset",
    "RESET_LINK_EXPIRES": "-1",
    "SIGN_IN_URL": "/sign-in",
    "CHANGE_PASSWORD_URL": "javascript:alert(1)",
    "JWT_ACCESS_TOKEN_EXPIRES": "15m",
    "JWT_REFRESH_TOKEN_EXPIRES": "0",
    "SESSION_LIFETIME": "forever",
    "AUDIT_SEALING": "perhaps",
    "AUDIT_RETENTION_DAYS": "0",
    "REFRESH_GRACE_SECONDS": "301",
    "BCRYPT_ROUNDS": "3",
    "DATABASE_TIMEOUT": "0",
    "PASSWORD_MIN_LENGTH": "0",
    "ALLOW_COMMON_PASSWORDS": "perhaps",
    "HASH_SLOTS": "0",
    "SIGN_UP": "perhaps",
    "SIGN_UP_ANSWER": "perhaps",
    "INVITATION_LINK_EXPIRES": "0",
    "RATELIMIT_ENABLED": "perhaps",
    "EMAIL_BURST": "0",
    "EMAIL_INTERVAL_MINUTES": "61",
    "COMPAT_API": "perhaps",
    "AUTH_TYPE": "digest_auth",
    "SESSION_NAME": "my session",
    "SECRET_KEY": "short",
    "SECRET_KEY_FALLBACKS": "short",
    "KEY_ENCRYPTION_SECRET": "short",
    "KEY_ENCRYPTION_SECRET_FALLBACKS": "short",
    "SIGNING_KEY": "/nowhere/key.pem",
}


@pytest.fixture
def production() -> dict[str, str]:
    """The minimal settings of production."""
    return {
        "APP_ENV": "production",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": new_signing_key(),
        "PUBLIC_URL": "https://accounts.example.com",
        "DATABASE_URL": "postgresql://latchkey@db.example.com/latchkey",
    }


def in_development(folder: Path, **environ: str) -> Settings:
    return load({"INSTANCE_PATH": str(folder), **environ})


def test_development_needs_no_setting_at_all(tmp_path):
    settings = in_development(tmp_path)
    assert settings.development
    assert settings.database_url == f"sqlite:///{tmp_path / 'latchkey.db'}"
    assert settings.reset_password_url == "http://localhost:8000/reset-password#token={token}"


@pytest.mark.parametrize(("variable", "value"), BAD.items())
def test_a_bad_variable_is_named(tmp_path, variable, value):
    with pytest.raises(SettingsError, match=rf"(?m)^{variable}\b"):
        in_development(tmp_path, **{variable: value})


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example.com", "https://.*", "app.example.com", "https://app.example.com/path",
     "https://app.example.com?", "https://APP.example.com", "ftp://app.example.com", "https://a b", "https://[::1",
     "https://[a-z]", "https://[::1]:3000/", "capacitor://*", "chrome-extension://*", "chrome-extension://a/b",
     "capacitor:localhost", "ws://app.example.com", "https://é.example", "file://", "data:text/html,x"],
)  # fmt: skip
def test_an_origin_is_one_origin_and_no_pattern(tmp_path, origin):
    with pytest.raises(SettingsError, match=r"^CORS_ORIGINS: must be origins such as https://app\.example\.com or "):
        in_development(tmp_path, CORS_ORIGINS=f"https://app.example.com,{origin}")


@pytest.mark.parametrize("name", ["*", "X-*", "a b", "x:y", "^X", "[X]", "é"])
def test_cors_header_is_one_name_and_no_pattern(tmp_path, name):
    with pytest.raises(SettingsError, match=r"^CORS_HEADERS: "):
        in_development(tmp_path, CORS_HEADERS=f"X-Client,{name}")


def test_compatibility_api_needs_an_open_sign_up(tmp_path):
    with pytest.raises(SettingsError, match=r"^COMPAT_API needs SIGN_UP=open"):
        in_development(tmp_path, COMPAT_API="true", SIGN_UP="invited")
    assert in_development(tmp_path, COMPAT_API="true").compat_api


def test_cookies_of_another_site_need_https(production):
    with pytest.raises(SettingsError, match=r"^COOKIE_SAMESITE=none needs https in PUBLIC_URL"):
        load({"COOKIE_SAMESITE": "none"})
    assert load(production | {"COOKIE_SAMESITE": "none"}).cookie_samesite == "none"


@pytest.mark.parametrize("domain", ["accounts.example.com", "example.com"])
def test_cookie_domain_contains_the_host_of_the_service(production, domain):
    assert load(production | {"COOKIE_DOMAIN": domain}).cookie_domain == domain


@pytest.mark.parametrize(
    "domain",
    ["other.example", "app.example.com", "ple.com", "com", "x.accounts.example.com", "localhost", ".example.com",
     "Example.com", "example.com;", "192.0.2.7", "*.example.com"],
)  # fmt: skip
def test_other_cookie_domain_is_rejected(production, domain):
    with pytest.raises(SettingsError, match=r"^COOKIE_DOMAIN"):
        load(production | {"COOKIE_DOMAIN": domain})


RENAMED_VALUES = {
    "FRESH_SECONDS": ("300", 300, "301"),
    "LETTERS_PATH": ("/srv/templates", Path("/srv/templates"), "/srv/others"),
    "HOUSEKEEPING_MINUTES": ("5", 5, "6"),
    "CLASSIC_API": ("true", True, "false"),
}


@pytest.mark.parametrize("old", RENAMED)
def test_renamed_setting_works_under_its_old_name(tmp_path, caplog, old):
    text, value, _ = RENAMED_VALUES[old]
    settings = in_development(tmp_path, **{old: text, RENAMED[old]: ""})
    assert getattr(settings, RENAMED[old].lower()) == value
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{old} was renamed to {RENAMED[old]}" in caplog.text


@pytest.mark.parametrize("old", RENAMED)
def test_new_name_of_a_setting_wins(tmp_path, caplog, old):
    text, value, other = RENAMED_VALUES[old]
    settings = in_development(tmp_path, **{old: other, RENAMED[old]: text})
    assert getattr(settings, RENAMED[old].lower()) == value
    assert old in caplog.text


@pytest.mark.parametrize("old", RENAMED)
def test_new_name_of_a_setting_gives_no_warning(tmp_path, caplog, old):
    in_development(tmp_path, **{RENAMED[old]: RENAMED_VALUES[old][0]})
    assert caplog.records == []


BAD_AT_START = {
    "MAIL_DEFAULT_SENDER": "A <a@example.com>, B <b@example.com>",
    "MAIL_HELO_NAME": "no name",
    "RATELIMIT_SIGN_UP": "20",
    "RATELIMIT_CREDENTIALS": "often",
    "RATELIMIT_GUESSES": "0 per hour",
    "RATELIMIT_LINKS": "20 per moment",
    "RATELIMIT_RESET_EMAILS": "-1 per minute",
    "RATELIMIT_VERIFY_EMAILS": "5 per -2 minutes",
    "RATELIMIT_ADMIN_EMAILS": "20 per minute; x",
}


@pytest.mark.parametrize(("variable", "value"), BAD_AT_START.items())
def test_no_app_is_made_with_a_bad_variable(tmp_path, variable, value):
    settings = in_development(tmp_path, **{variable: value})
    with pytest.raises(SettingsError, match=rf"^{variable}: "):
        create_app(settings)


@pytest.mark.parametrize("command", [["run.py"], ["-m", "flask", "mail", "list"]])
def test_service_and_commands_name_a_bad_sender(tmp_path, command):
    environ = os.environ | {"INSTANCE_PATH": str(tmp_path), "MAIL_DEFAULT_SENDER": "Demo", "PORT": str(unused_port())}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "MAIL_DEFAULT_SENDER: is not an email address" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_bad_variable_is_named_at_once(tmp_path):
    with pytest.raises(SettingsError) as refused:
        in_development(tmp_path, PORT="http", BCRYPT_ROUNDS="3")
    assert {line.partition(":")[0] for line in str(refused.value).splitlines()} == {"PORT", "BCRYPT_ROUNDS"}


def test_a_refusal_never_repeats_a_secret(tmp_path):
    with pytest.raises(SettingsError) as refused:
        in_development(tmp_path, SECRET_KEY="hunter2-hunter2", DATABASE_URL="oracle://ann:hunter2@localhost/x")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("variable", ["SECRET_KEY_FALLBACKS", "KEY_ENCRYPTION_SECRET_FALLBACKS"])
def test_listed_secrets_must_be_long_and_are_not_logged(tmp_path, variable):
    one, other = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
    assert getattr(in_development(tmp_path, **{variable: f"{one}, {other}"}), variable.lower()) == [one, other]
    with pytest.raises(SettingsError, match=rf"^{variable} must have at least 32 bytes") as refused:
        in_development(tmp_path, **{variable: f"{one},hunter2-hunter2"})
    assert not any(secret in str(refused.value) for secret in (one, "hunter2"))


def test_a_secret_is_measured_in_bytes(tmp_path):
    assert in_development(tmp_path, SECRET_KEY_FALLBACKS="ü" * 16).secret_key_fallbacks == ["ü" * 16]


def test_a_kept_secret_that_was_cut_off_is_noticed(tmp_path):
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingsError, match=r"^SECRET_KEY must have"):
        in_development(tmp_path)


def test_starttls_and_tls_exclude_each_other(tmp_path):
    with pytest.raises(SettingsError, match="MAIL_USE_TLS and MAIL_USE_SSL"):
        in_development(tmp_path, MAIL_USE_TLS="true", MAIL_USE_SSL="true")


def test_an_empty_variable_is_as_good_as_none(tmp_path):
    assert in_development(tmp_path, PORT="", PUBLIC_URL="").port == 8000


def test_an_argument_goes_before_the_environment(tmp_path):
    assert load({"PORT": "1", "INSTANCE_PATH": str(tmp_path)}, port=2).port == 2


def test_an_argument_that_no_setting_has_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="PROT"):
        load({}, instance_path=tmp_path, prot=2)


def test_the_environment_goes_before_the_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("PORT=1\nTHREADS=3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("PORT", "2")
    settings = load()
    assert (settings.port, settings.threads) == (2, 3)


def test_lists_are_separated_by_commas(tmp_path):
    settings = in_development(
        tmp_path, CORS_ORIGINS="https://a.example, https://b.example", TRUSTED_PROXIES="10.1.2.3/8"
    )
    assert settings.cors_origins == ["https://a.example", "https://b.example"]
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://db/x", "postgresql+psycopg://db/x"),
        ("postgresql://db/x", "postgresql+psycopg://db/x"),
        ("mysql://db/x", "mysql+pymysql://db/x"),
        ("mariadb://db/x", "mysql+pymysql://db/x"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_a_database_url_gets_the_driver_that_we_ship(tmp_path, given, kept):
    assert in_development(tmp_path, DATABASE_URL=given).database_url == kept


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example/auth", "https://a.example/a.b/~c_d-1"])
def test_a_public_url_loses_its_last_slash(tmp_path, url):
    assert in_development(tmp_path, PUBLIC_URL=f"{url}/").public_url == url


def test_the_path_of_a_public_url_is_in_the_links(tmp_path):
    settings = in_development(tmp_path, PUBLIC_URL="https://a.example/auth/")
    assert settings.reset_password_url == "https://a.example/auth/reset-password#token={token}"
    assert settings.verify_email_url == "https://a.example/auth/verify-email#token={token}"
    assert settings.sign_in_url == "https://a.example/auth"


@pytest.mark.parametrize(
    "url",
    ["/", "https://a.example//auth", "https://a.example/..", "https://a.example/a/./b", "https://a.example/a%2fb",
     "https://a.example/a b", "https://a.example/ä", "https://a.example/a?b", "https://a.example/a#b",
     "https://ann@a.example", "https://a.example\\b", "ftp://a.example"],
)  # fmt: skip
def test_a_public_url_is_an_origin_and_a_plain_path(tmp_path, url):
    with pytest.raises(SettingsError, match=r"^PUBLIC_URL: "):
        in_development(tmp_path, PUBLIC_URL=url)


@pytest.mark.parametrize(
    "url", ["myapp://reset?token={token}", "com.example.app:/{token}", "https://a.example/#{token}"]
)
def test_a_link_may_have_the_scheme_of_an_app(tmp_path, url):
    settings = in_development(tmp_path, RESET_PASSWORD_URL=url, VERIFY_EMAIL_URL=url, SIGN_IN_URL=url)
    assert {settings.reset_password_url, settings.verify_email_url, settings.sign_in_url} == {url}


@pytest.mark.parametrize("name", ["RESET_PASSWORD_URL", "VERIFY_EMAIL_URL", "SIGN_IN_URL"])
@pytest.mark.parametrize(
    "url",
    ["javascript:alert('{token}')", "JavaScript:{token}", " javascript:{token}", "java\tscript:{token}",
     "data:text/html,{token}", "vbscript:{token}", "//a.example/{token}", 'https://a.example/"{token}'],
)  # fmt: skip
def test_a_link_that_runs_a_script_is_refused(tmp_path, name, url):
    with pytest.raises(SettingsError, match=rf"^{name} must be a complete URL"):
        in_development(tmp_path, **{name: url})


def test_a_signing_key_may_be_given_as_a_file(tmp_path):
    (tmp_path / "key.pem").write_text(key := new_signing_key())
    assert in_development(tmp_path, SIGNING_KEY=str(tmp_path / "key.pem")).signing_key == key


def test_development_secrets_are_kept_for_the_next_start(tmp_path):
    first, second = in_development(tmp_path), in_development(tmp_path)
    assert (first.secret_key, first.signing_key) == (second.secret_key, second.signing_key)


def test_generated_secrets_and_keys_are_strong(tmp_path):
    one, other = in_development(tmp_path / "one"), in_development(tmp_path / "other")
    assert len(base64.urlsafe_b64decode(one.secret_key)) == 48
    assert load_pem_private_key(one.signing_key.encode(), None).curve.key_size == 256
    assert (one.secret_key, one.signing_key) != (other.secret_key, other.signing_key)


def test_development_secrets_are_readable_by_their_owner_alone(tmp_path):
    in_development(tmp_path / "instance")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "instance").iterdir()}
    assert modes == {"secret_key": 0o600, "signing_key.pem": 0o600}
    assert stat.S_IMODE((tmp_path / "instance").stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes fork to load the settings at the same moment")
@long
def test_processes_that_start_at_once_make_one_secret(tmp_path):
    command = [sys.executable, "-c", LOADED_AT_ONCE, str(sized(4, 8))]
    environ = {"INSTANCE_PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True)
    said = done.stdout.splitlines()
    assert len(said) == sized(4, 8)
    assert len(set(said)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret_key", "signing_key.pem"]


def test_production_starts_on_secrets_of_its_own(production):
    assert load(production).production


@pytest.mark.parametrize("variable", ["SECRET_KEY", "SIGNING_KEY", "PUBLIC_URL"])
def test_production_refuses_to_start_without(production, variable):
    del production[variable]
    with pytest.raises(SettingsError, match=f"^{variable}"):
        load(production)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", "changeme" * 6),
        ("SECRET_KEY", "my-very-long-development-key-0123456789"),
        ("SECRET_KEY", "abababab" * 8),
        ("SECRET_KEY", "Zk3-x9_QpLw7vT2m"),
        ("PUBLIC_URL", "http://accounts.example.com"),
    ],
)
def test_production_refuses_a_weak(production, variable, value):
    with pytest.raises(SettingsError, match=f"^{variable}"):
        load(production | {variable: value})


def test_production_rejects_the_compat_api_and_says_why(production):
    with pytest.raises(SettingsError, match=r"^COMPAT_API .* gives a reset token to anyone who asks"):
        load(production | {"COMPAT_API": "true"})


def test_production_refuses_common_passwords(production):
    with pytest.raises(SettingsError, match=r"^ALLOW_COMMON_PASSWORDS must be off in production"):
        load(production | {"ALLOW_COMMON_PASSWORDS": "true"})


@pytest.mark.parametrize(("given", "seconds"), [("60", 60), ("0", 0), ("", 0), ("-1", 0), ("an hour", 0)])
def test_malformed_session_duration_means_no_expiry(tmp_path, given, seconds):
    assert in_development(tmp_path, SESSION_DURATION=given).session_duration == seconds


def test_production_metrics_need_a_token(production):
    with pytest.raises(SettingsError, match=r"^METRICS_TOKEN"):
        load(production | {"METRICS": "on", "METRICS_TOKEN": "short"})


def test_logs_are_for_machines_in_production_and_for_people_elsewhere(production, tmp_path):
    assert (load(production).log_format, in_development(tmp_path).log_format) == ("json", "text")
    assert load(production | {"LOG_FORMAT": "text", "LOG_LEVEL": "DEBUG"}).log_level == "debug"


def test_production_writes_no_secret_file(production, tmp_path):
    load(production | {"INSTANCE_PATH": str(tmp_path / "instance")})
    assert not (tmp_path / "instance").exists()


def test_settings_cannot_be_changed_after_the_start(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        in_development(tmp_path).port = 1
