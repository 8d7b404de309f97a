"""How a run divides the tests among its workers."""

from importlib import import_module

import pytest

from tests.conftest import package

package("xdist")
unit_of = import_module("tests.support.scheduling").unit_of


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/test_run.py::test_a", "tests/test_run.py"),
        ("tests/web/test_cors.py::test_a[postgresql]", "tests/web/test_cors.py"),
        ("tests/races/test_links.py::test_a[sqlite]", "tests/races/test_links.py"),
        ("tests/races/test_links.py::test_a[link-mariadb]", "tests/races/mariadb"),
        ("tests/races/test_links.py::test_postgresql", "tests/races/test_links.py"),
    ],
)
def test_files_and_races_on_one_server_stay_together(test, unit):
    assert unit_of(test) == unit
