"""A bare app with the pages on it, and behind them a stub of the door that refuses on demand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from app.core.client_info import ClientInfo
from app.current import install
from app.web.headers import init_headers
from app.web.limits import init_limits
from app.web.pages.setup import init_pages
from config import Settings

WEB = Path(__file__).parents[3] / "app" / "web"


class Flow:
    """Notes what it is asked, and raises `refusal` if one is set. Every act but a check is told where it comes from."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.refusal: Exception | None = None

    def __getattr__(self, act: str) -> Callable[..., str]:
        def note(*given: object) -> str:
            if not act.startswith("check"):
                *given, origin = given
                assert isinstance(origin, ClientInfo)
            self.asked.append((act, *map(str, given)))
            if self.refusal:
                raise self.refusal
            return "" if act.startswith("check") else "a device token"

        return note


class Mailbox:
    """Emails that arrived seconds ago, newest first."""

    is_running = True

    def __init__(self) -> None:
        self.kept: list[SimpleNamespace] = []

    def add(self, text: str = "Hello", html: str = "<p>Hello</p>", subject: str = "An email", age: int = 3) -> None:
        received_at = datetime.now(UTC) - timedelta(seconds=age)
        email = SimpleNamespace(
            id=str(len(self.kept) + 1), to="ann@example.com", subject=subject, text=text, html=html,
            received_at=received_at,
        )  # fmt: skip
        self.kept.insert(0, email)

    def messages(self) -> list[SimpleNamespace]:
        return self.kept

    def message(self, message_id: str) -> SimpleNamespace | None:
        return next((message for message in self.kept if message.id == message_id), None)


@pytest.fixture
def reset() -> Flow:
    return Flow()


@pytest.fixture
def flow() -> Flow:
    """What stands behind every page of a confirmation."""
    return Flow()


@pytest.fixture
def emails() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Where compiled templates are kept from one test's app to the next."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def build(reset: Flow, flow: Flow, emails: Mailbox, compiled: FileSystemBytecodeCache) -> Callable[..., Flask]:
    """Makes the bare app: `build(production=True, mailbox=None)`."""

    def make(*, production: bool = False, mailbox: Mailbox | None = emails, limited: bool = False) -> Flask:
        app = Flask("app", template_folder=str(WEB / "templates"), static_folder=str(WEB / "static"))
        app.jinja_options = {"bytecode_cache": compiled}
        settings = SimpleNamespace(
            password_min_length=11,
            development=not production,
            trusted_proxies=[],
            public_url="http://localhost",
            sign_in_url="http://localhost",
            change_password_url="",
            cookie_samesite="lax",
            cookie_domain="",
            reset_password_url="myapp://reset?token={token}",
            verify_email_url="http://localhost/verify#token={token}",
            **{
                name: field.default
                for name, field in Settings.model_fields.items()
                if name.startswith(("ratelimit_", "brand_", "sign_up"))
            },
        )
        app.config.update(MAX_CONTENT_LENGTH=64 * 1024, MAIL_SERVER="mail.test", MAIL_PORT=2525)
        facade = SimpleNamespace(
            password_reset=reset,
            email_verification=flow,
            email_change=flow,
            account_recovery=flow,
            factors=flow,
            mailbox=mailbox,
        )
        install(app, facade, settings)
        init_limits(app, enabled=limited, redis_url="")
        init_headers(app, production=production)
        init_pages(app, settings)
        return app

    return make


@pytest.fixture
def browser(build: Callable[..., Flask]) -> FlaskClient:
    return build().test_client()
