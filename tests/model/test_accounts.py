"""The account flows against the model, on SQLite and PostgreSQL.

Each commit runs the same examples, other ones on each database. With LONG_TESTS=1 there are many times as many, other
ones each time, and a failing sequence is made as short as possible: that takes minutes.
"""

from datetime import timedelta

import pytest

from tests.conftest import package
from tests.support.profile import LONG, in_ci, sized

hypothesis, time_machine = package("hypothesis"), package("time_machine")

from hypothesis.stateful import run_state_machine_as_test  # noqa: E402

from tests.model.expected import DELETION_GRACE, now  # noqa: E402
from tests.model.machine import AccountMachine  # noqa: E402
from tests.model.service import Service  # noqa: E402

GENERATE, SHRINK = hypothesis.Phase.generate, hypothesis.Phase.shrink
EXAMPLES = hypothesis.settings(
    max_examples=sized(10, 150),
    stateful_step_count=20,
    phases=sized([GENERATE], [GENERATE, SHRINK]),
    report_multiple_bugs=False,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.mark.long
@pytest.mark.timeout(sized(300, 7200))
@pytest.mark.settings(deletion_grace_days=DELETION_GRACE.days)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=in_ci)], indirect=True)
def test_accounts_behave_as_the_model_says(database, app, auth, mailbox):
    second = now().replace(microsecond=0) + timedelta(seconds=1)
    with time_machine.travel(second, tick=False) as traveller:
        service = Service(app, auth, mailbox, traveller)

        def machine():
            return AccountMachine(service, every_rule=not LONG)

        if not LONG:
            machine = hypothesis.seed(database.partition(":")[0])(machine)
        with service.watch_statements():
            run_state_machine_as_test(machine, settings=EXAMPLES)
