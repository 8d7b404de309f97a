"""Fixtures of the mail room: an app in context, a clock, a mail server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.domain.mail.stage import PostOffice, StillClock, bare_app, use_post


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with bare_app(tmp_path) as app:
        yield app


@pytest.fixture
def office(app: Flask) -> Iterator[PostOffice]:
    """A well-behaved mail server that the app sends to."""
    with PostOffice().open() as office:
        use_post(app, office.port)
        yield office
