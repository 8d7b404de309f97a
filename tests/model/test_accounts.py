"""The account flows against the model, on SQLite and PostgreSQL; with LONG_TESTS=1 many more, and other ones each time."""

import os
from datetime import timedelta

import hypothesis
import pytest
import time_machine
from hypothesis.stateful import run_state_machine_as_test

from tests.model.expected import DELETION_GRACE, now
from tests.model.machine import AccountMachine
from tests.model.service import Service

LONG = bool(os.environ.get("LONG_TESTS"))
# The short run does not look for a shorter sequence: that takes minutes, and the long run does.
PHASES = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] * LONG)]
PROFILE = hypothesis.settings(
    max_examples=400 if LONG else 25, stateful_step_count=40, derandomize=not LONG, phases=PHASES,
    database=None, deadline=None, report_multiple_bugs=False,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


@pytest.mark.settings(deletion_grace_days=DELETION_GRACE.days)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_accounts_behave_as_the_model_says(app, auth, mailbox):
    second = now().replace(microsecond=0) + timedelta(seconds=1)
    with time_machine.travel(second, tick=False) as traveller:
        service = Service(app, auth, mailbox, traveller)
        with service.watch_statements():
            run_state_machine_as_test(lambda: AccountMachine(service, every_rule=not LONG), settings=PROFILE)
