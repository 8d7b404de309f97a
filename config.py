"""Settings: read from the environment and `.env`, and validated once, before anything starts.

Every setting is an environment variable of the same name in capitals. Error messages name the variable.
"""

import logging
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

ROOT = Path(__file__).resolve().parent
log = logging.getLogger(__name__)
RENAMED = {  # old names that work in version 0.2 only
    "FRESH_SECONDS": "REAUTH_WINDOW_SECONDS",
    "LETTERS_PATH": "EMAIL_TEMPLATES_PATH",
    "HOUSEKEEPING_MINUTES": "CLEANUP_INTERVAL_MINUTES",
    "CLASSIC_API": "COMPAT_API",
}
# Of the web, or of an app or extension with its own scheme. No pattern: `*` would let every page use the cookies.
ORIGIN = re.compile(r"(https?://([a-z\d.-]+|\[[\da-f:]+])|(?!http|ws|ftp|file|data)[a-z][a-z\d+.-]*://[\w.-]+)(:\d+)?")
COLOR = r"^(#[0-9A-Fa-f]{6})?$"
SECRETS = (  # each may also be a file, whose path is in SECRET_KEY_FILE and so on
    "DATABASE_URL", "KEY_ENCRYPTION_SECRET", "KEY_ENCRYPTION_SECRET_FALLBACKS", "MAIL_PASSWORD", "METRICS_TOKEN",
    "REDIS_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SIGNING_KEY",
)  # fmt: skip


class SettingsError(ValueError):
    """The settings are invalid; each line of the message names a variable and what is wrong with it."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _origin(text: str) -> str:
    if not ORIGIN.fullmatch(text):
        raise ValueError("must be origins such as https://app.example.com or capacitor://localhost, without a path")
    return text


def _as_providers(value: object) -> object:
    from app.core.provider_settings import as_providers  # here, as in `_read_values`

    return as_providers(value)


Words = Annotated[list[str], BeforeValidator(_split)]
Origins = Annotated[list[Annotated[str, AfterValidator(_origin)]], BeforeValidator(_split)]
HeaderNames = Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]], BeforeValidator(_split)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(lambda text: ip_network(text, strict=False))]
Networks = Annotated[list[Network], BeforeValidator(_split)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lambda value: str(value).lower())]
TEN_YEARS = 10 * 365 * 86_400
Seconds = Annotated[int, Field(ge=1, le=TEN_YEARS)]


def _duration(value: object) -> int:
    try:
        return min(max(int(str(value)), 0), TEN_YEARS)
    except ValueError:
        return 0


class Settings(BaseModel):
    """All settings of one process. The defaults are for development and need no other service."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_env: Literal["development", "testing", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    public_url: str = Field("", pattern=r"^(https?://[^/?#@\s\\]+(/\.*[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?)?$")
    instance_path: Path = ROOT / "instance"
    workers: int = Field(2, ge=1, le=64)
    threads: int = Field(64, ge=1, le=512)
    drain_seconds: int = Field(2, ge=0, le=60)

    log_format: Literal["", "json", "text"] = ""
    log_level: Level = "info"
    metrics: Literal["off", "on"] = "off"
    metrics_token: str = ""
    otel_exporter_otlp_endpoint: str = Field("", pattern=r"^(https?://[^?#\s]+)?$")

    secret_key: str = ""
    secret_key_fallbacks: Words = []
    signing_key: str = ""
    jwt_audience: str = "latchkey"
    database_url: str = ""
    database_timeout: Seconds = 1
    database_prepared_statements: Literal["auto", "on", "off"] = "auto"
    redis_url: str = ""
    cors_origins: Origins = []
    cors_headers: HeaderNames = []
    cookie_samesite: Literal["lax", "strict", "none"] = "lax"
    cookie_domain: str = Field("", pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*)?$")
    trusted_proxies: Networks = []
    trusted_hosts: Words = []

    mail_server: str = "localhost"
    mail_port: int = Field(1025, ge=1, le=65_535)
    mail_username: str = ""
    mail_password: str = ""
    mail_use_tls: bool = False
    mail_use_ssl: bool = False
    mail_default_sender: str = "Latchkey <no-reply@localhost>"
    mail_helo_name: str = ""
    mail_timeout: Seconds = 10
    mail_deliverer: Literal["thread", "off"] = "thread"
    reset_password_url: str = ""
    reset_link_expires: Seconds = 1_800
    verify_email_url: str = ""
    verify_link_expires: Seconds = 86_400
    email_sign_in: Literal["off", "existing", "open"] = "existing"
    sign_in_link_url: str = ""
    sign_in_link_expires: Seconds = 1_800
    sign_in_url: str = ""
    change_password_url: str = ""
    brand_name: str = Field("", max_length=60)
    brand_color: str = Field("", pattern=COLOR)
    brand_color_dark: str = Field("", pattern=COLOR)
    brand_path: Path | None = None
    email_templates_path: Path | None = None
    invitation_link_expires: Seconds = 86_400
    sign_up: Literal["open", "invited", "closed"] = "open"
    sign_up_answer: Literal["tokens", "generic"] = "tokens"
    require_verified_email: bool = False
    unverified_account_days: int = Field(0, ge=0, le=3_650)
    deletion_grace_days: int = Field(7, ge=0, le=365)
    audit_sealing: Literal["on", "off"] = "on"
    audit_retention_days: int = Field(400, ge=1, le=3_650)
    cleanup_interval_minutes: int = Field(10, ge=0, le=1_440)

    jwt_algorithm: Literal["ES256", "EdDSA", "RS256"] = "ES256"
    key_encryption_secret: str = ""
    key_encryption_secret_fallbacks: Words = []
    jwt_access_token_expires: Seconds = 900
    jwt_refresh_token_expires: Seconds = 14 * 86_400
    session_lifetime: Seconds = 90 * 86_400
    refresh_grace_seconds: int = Field(10, ge=0, le=300)
    reauth_window_seconds: Seconds = 600
    basic_auth: bool = False
    role_permissions: str = ""
    second_factor: Literal["optional", "administrators", "everybody"] = "optional"
    trusted_device_days: int = Field(0, ge=0, le=365)
    passkey_rp_id: str = ""
    passkey_origins: Words = []
    android_apps: Words = []
    apple_apps: Words = []
    providers: Annotated[list[Any], BeforeValidator(_as_providers)] = Field([], repr=False)
    redirect_urls: Words = []
    link_by_email: Literal["ask", "trusted"] = "ask"

    bcrypt_rounds: int = Field(12, ge=4, le=16)
    password_min_length: int = Field(8, ge=1, le=128)
    allow_common_passwords: bool = False
    breached_passwords_url: str = Field("", pattern=r"^(https://\S+/)?$")
    hash_slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    ratelimit_enabled: bool = True
    ratelimit_sign_up: str = "20 per minute"
    ratelimit_credentials: str = "20 per minute"
    ratelimit_guesses: str = "10 per 15 minutes; 20 per hour; 50 per day"
    ratelimit_links: str = "20 per minute"
    ratelimit_reset_emails: str = "20 per minute"
    ratelimit_verify_emails: str = "10 per minute"
    ratelimit_sign_in_emails: str = "20 per minute"
    ratelimit_admin_emails: str = "60 per minute"
    email_burst: int = Field(3, ge=1, le=20)
    email_interval_minutes: int = Field(20, ge=1, le=60)

    compat_api: bool = False
    auth_type: Literal["auth", "basic_auth", "session_auth", "session_exp_auth", "session_db_auth"] = "session_db_auth"
    session_name: str = Field("_my_session_id", pattern=r"^[A-Za-z0-9_!#$%&'*+.^`|~-]+$")
    session_duration: Annotated[int, BeforeValidator(_duration)] = 0

    @property
    def production(self) -> bool:
        """Whether the service is in production, where weak settings are rejected."""
        return self.app_env == "production"

    @property
    def development(self) -> bool:
        """Whether the development tools are on: mailbox page and mail console."""
        return self.app_env == "development"

    @model_validator(mode="after")
    def _validate(self) -> Self:
        from app.core import setting_checks  # here, as in `_read_values`

        if self.production:
            setting_checks.check_production(self)
        else:
            self._default("secret_key", lambda: _load_or_create(self.instance_path / "secret_key", new_secret))
            path = self.instance_path / "signing_key.pem"
            self._default("signing_key", lambda: _load_or_create(path, new_signing_key))
        self._set_defaults()
        setting_checks.check_all(self)
        if self.mail_use_tls and self.mail_use_ssl:
            raise ValueError("MAIL_USE_TLS and MAIL_USE_SSL exclude each other: the first is STARTTLS, the second TLS")
        if self.model_fields_set & {"database_url", "signing_key"}:
            self._read_values()
        return self

    def _read_values(self) -> None:
        # Imported here, because importing `app` imports this module. The defaults need no reading.
        from app.core.database_url import read_database_url
        from app.core.signing_key import checked_pem

        found = read_database_url(self.database_url)
        self._set("database_url", found.url)
        if found.pooled and self.database_prepared_statements == "auto":
            self._set("database_prepared_statements", "off")
        self._set("signing_key", checked_pem(self.signing_key))

    def _set_defaults(self) -> None:
        self._default("log_format", lambda: "json" if self.production else "text")
        self._default("public_url", lambda: f"http://localhost:{self.port}")
        self._set("public_url", self.public_url.rstrip("/"))
        self._default("reset_password_url", lambda: self.public_url + "/reset-password#token={token}")
        self._default("verify_email_url", lambda: self.public_url + "/verify-email#token={token}")
        self._default("sign_in_link_url", lambda: self.public_url + "/sign-in/link#token={token}")
        self._default("sign_in_url", lambda: self.public_url)
        self._default("database_url", lambda: f"sqlite:///{self.instance_path.resolve() / 'latchkey.db'}")

    def _default(self, name: str, make: Callable[[], str]) -> None:
        if not getattr(self, name):
            self._set(name, make())

    def _set(self, name: str, value: str) -> None:
        object.__setattr__(self, name, value)  # the model is frozen for all other code


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings in `environ`, by default the environment over `.env`. Raises `SettingsError`."""
    if environ is None:
        environ = {name: value for name, value in dotenv_values(".env").items() if value} | dict(os.environ)
    from app.core.provider_variables import read_providers  # here, as in `_read_values`
    from app.core.secret_files import read_secret_files

    try:
        environ = read_secret_files(_with_current_names(environ), SECRETS)
        given: dict[str, Any] = {"providers": read_providers(environ)}
    except ValueError as unusable:
        raise SettingsError(str(unusable)) from None
    names = [name for name in Settings.model_fields if environ.get(name.upper()) and name not in given]
    given |= {name: environ[name.upper()] for name in names}
    try:
        return Settings(**(given | overrides))
    except ValidationError as invalid:
        raise SettingsError("\n".join(_line(error) for error in invalid.errors())) from None


def _with_current_names(environ: Mapping[str, str]) -> Mapping[str, str]:
    found = {old: new for old, new in RENAMED.items() if environ.get(old)}
    for old, new in found.items():
        log.warning("%s was renamed to %s. Version 0.3 will ignore the old name.", old, new)
    return {new: environ[old] for old, new in found.items()} | {name: value for name, value in environ.items() if value}


def _line(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{str(error['loc'][0]).upper()}: {message}" if error["loc"] else message


def new_secret() -> str:
    """A new random secret of 64 characters."""
    return secrets.token_urlsafe(48)


def new_signing_key() -> str:
    """A new private key for ES256, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _load_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`. The first start creates the file, readable only by its owner; two processes get the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        with suppress(FileExistsError):  # of two processes, the second one uses the file of the first
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
