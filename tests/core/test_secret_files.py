"""Secrets in files: NAME_FILE is a path."""

import secrets
from typing import Any

import pytest

from config import SECRETS, Settings, SettingsError, load, new_signing_key

VALUES: dict[str, Any] = {
    "DATABASE_URL": "sqlite:////tmp/latchkey.db",
    "KEY_ENCRYPTION_SECRET": secrets.token_urlsafe(48),
    "KEY_ENCRYPTION_SECRET_FALLBACKS": f"{secrets.token_urlsafe(48)},{secrets.token_urlsafe(48)}",
    "MAIL_PASSWORD": " begins and ends with a space ",
    "METRICS_TOKEN": secrets.token_urlsafe(48),
    "REDIS_URL": "redis://:secret@redis/0",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "SECRET_KEY_FALLBACKS": secrets.token_urlsafe(48),
    "SIGNING_KEY": new_signing_key(),
}


def load_with(folder, **environ):
    return load({"INSTANCE_PATH": str(folder), **environ})


def write(folder, content, name="secret"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_every_setting_with_a_secret_can_be_a_file():
    secret = [name for name in Settings.model_fields if any(word in name for word in ("secret", "password", "token"))]
    secret = {name.upper() for name in secret} | {"SIGNING_KEY", "DATABASE_URL", "REDIS_URL"}
    lifetimes_and_rules = {name for name in secret if name.startswith(("JWT_", "PASSWORD_", "RESET_"))}
    others = {"ALLOW_COMMON_PASSWORDS", "BREACHED_PASSWORDS_URL", "CHANGE_PASSWORD_URL"}
    assert set(SECRETS) == secret - lifetimes_and_rules - others
    assert VALUES.keys() == set(SECRETS)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("name", SECRETS)
def test_secret_in_a_file_equals_one_in_the_environment(tmp_path, name, end):
    from_file = load_with(tmp_path, **{f"{name}_FILE": write(tmp_path, VALUES[name].strip("\n") + end)})
    from_environment = load_with(tmp_path, **{name: VALUES[name]})
    assert getattr(from_file, name.lower()) == getattr(from_environment, name.lower())


@pytest.mark.parametrize("name", SECRETS)
def test_secret_that_is_given_twice_is_refused(tmp_path, name):
    path = write(tmp_path, VALUES[name])
    with pytest.raises(SettingsError, match=f"^{name} and {name}_FILE are both set: remove one$"):
        load_with(tmp_path, **{name: VALUES[name], f"{name}_FILE": path})


def test_file_that_cannot_be_read_is_named(tmp_path):
    missing = str(tmp_path / "missing")
    for path, words in (
        (missing, "cannot be read: No such file or directory"),
        (str(tmp_path), "cannot be read: Is a directory"),
        (write(tmp_path, "\n"), "is empty"),
        (write(tmp_path, b"\xff\xfe", "binary"), "is not text in UTF-8"),
    ):
        with pytest.raises(SettingsError) as refused:
            load_with(tmp_path, MAIL_PASSWORD_FILE=path)
        assert str(refused.value) == f"MAIL_PASSWORD_FILE: {path} {words}"


def test_every_unusable_file_is_named_at_once(tmp_path):
    with pytest.raises(SettingsError) as refused:
        load_with(tmp_path, MAIL_PASSWORD_FILE="/nowhere", REDIS_URL_FILE="/nowhere")
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "MAIL_PASSWORD_FILE", "REDIS_URL_FILE",
    ]  # fmt: skip


def test_empty_path_counts_as_none(tmp_path):
    assert load_with(tmp_path, MAIL_PASSWORD_FILE="", MAIL_PASSWORD="x").mail_password == "x"


def test_weak_secret_in_a_file_is_refused_without_showing_it(tmp_path):
    with pytest.raises(SettingsError, match=r"^SECRET_KEY must have at least 32 bytes") as refused:
        load_with(tmp_path, SECRET_KEY_FILE=write(tmp_path, "hunter2-hunter2"))
    assert "hunter2" not in str(refused.value)
