"""flask audit: its output and exit status."""

import pytest
from click.testing import Result
from flask import Flask

from app.core.client_info import ClientInfo
from tests.support.api import PASSWORD, sql


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["audit", *words])


@pytest.fixture
def two_events(app: Flask, auth) -> None:
    """Two sealed events."""
    for name in ("ann", "bob"):
        auth.registration.sign_up(f"{name}@example.com", PASSWORD, ClientInfo("192.0.2.7"))
    assert run(app, "seal").output == "2 events sealed\n"


@pytest.mark.usefixtures("each_database", "two_events")
def test_a_whole_chain_is_said_with_its_end(app: Flask, auth) -> None:
    auth.registration.sign_up("eve@example.com", PASSWORD, ClientInfo())
    done = run(app, "verify")
    first, end = done.output.splitlines()
    assert (done.exit_code, first) == (0, "2 events verified, positions 1 to 2; 1 not sealed yet")
    assert end == f"2:{sql(app, 'SELECT entry_hash FROM audit_events WHERE position = 2')[0][0]}"
    assert run(app, "verify", "--expect", end).exit_code == 0


def test_so_is_an_empty_one(app: Flask) -> None:
    assert run(app, "verify").output == f"0 events verified; 0 not sealed yet\n0:{'0' * 64}\n"
    assert run(app, "seal").output == "0 events sealed\n"


@pytest.mark.usefixtures("each_database", "two_events")
def test_a_change_ends_with_status_1_and_names_the_row(app: Flask) -> None:
    sql(app, "UPDATE audit_events SET ip = '198.51.100.1' WHERE position = 2")
    ((row,),) = sql(app, "SELECT id FROM audit_events WHERE position = 2")
    done = run(app, "verify")
    assert (done.exit_code, done.stderr) == (1, f"Error: Row {row}, position 2, was changed or moved.\n")


@pytest.mark.settings(audit_sealing="off")
def test_verify_reports_that_sealing_is_off(app: Flask) -> None:
    done = run(app, "verify")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: Audit sealing is off")


@pytest.mark.usefixtures("two_events")
def test_missing_chain_end_exits_with_status_1(app: Flask) -> None:
    assert run(app, "verify", "--expect", f"9:{'0' * 64}").exit_code == 1
    assert run(app, "verify", "--expect", f"2:{'0' * 64}").exit_code == 1


@pytest.mark.parametrize("end", ["2", "2:abc", f"x:{'0' * 64}", ""])
def test_malformed_chain_end_is_a_usage_error(app: Flask, end: str) -> None:
    assert run(app, "verify", "--expect", end).exit_code == 2


@pytest.mark.usefixtures("two_events")
def test_nothing_is_sealed_onto_a_chain_whose_head_was_changed(app: Flask, auth) -> None:
    sql(app, "UPDATE audit_head SET position = 1")
    auth.registration.sign_up("eve@example.com", PASSWORD, ClientInfo())
    assert run(app, "seal").exit_code == 1
