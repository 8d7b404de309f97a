from collections.abc import Callable

import pytest
from flask import Flask

from tests.journeys.life import Person


@pytest.fixture
def person(app: Flask, auth, mailbox) -> Callable[..., Person]:
    """`person("bob@example.com")` is somebody with a browser and a mailbox."""

    def meet(email: str = "ann@example.com") -> Person:
        return Person(app.test_client(), auth, mailbox, email)

    return meet


@pytest.fixture
def ann(person) -> Person:
    """Somebody who has signed up and lost no letter."""
    ann = person()
    ann.sign_up()
    ann.letters()
    return ann
