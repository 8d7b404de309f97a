"""Fixtures: an app in context, a clock, a mail server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.clock import SettableClock
from tests.support.mail_app import NOON, bare_app, use_smtp
from tests.support.smtp import FakeSmtpServer


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(at=NOON)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with bare_app(tmp_path) as app:
        yield app


@pytest.fixture
def smtp_server(app: Flask) -> Iterator[FakeSmtpServer]:
    """A well-behaved mail server that the app sends to."""
    with FakeSmtpServer().open() as smtp_server:
        use_smtp(app, smtp_server.port)
        yield smtp_server
