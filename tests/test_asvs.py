"""The table of ASVS requirements: each one has one row, each row that claims something names tests that exist."""

import ast
import re
from collections import Counter

import pytest

from config import ROOT
from tests.test_docs import section

PAGE = ROOT / "docs/asvs.md"
REQUIREMENTS = dict(
    line.split() for line in (ROOT / "tests/asvs.txt").read_text().splitlines() if not line.startswith("#")
)
REASONED = ("## Not met", "## Left to the operator", "## Not applicable")


def rows(heading):
    """The cells of every row of the tables under a heading."""
    lines = re.findall(r"^\|(.+)\|$", section(PAGE, heading), re.MULTILINE)
    cells = ([cell.strip() for cell in line.split("|")] for line in lines)
    return [row for row in cells if re.match(r"\d", row[0])]


def ids(text):
    """The ids in `1.2.6–1.2.8, 1.3.8`."""
    for part in text.split(", "):
        first, _, last = part.partition("–")
        chapter, _, number = first.rpartition(".")
        end = int(last.rpartition(".")[2]) if last else int(number)
        yield from (f"{chapter}.{each}" for each in range(int(number), end + 1))


def names_in(text):
    """The names of the tests in a source text; those of a class with its name before them."""
    for node in ast.parse(text).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                yield f"{node.name}::{inner.name}" if inner is not node else inner.name


ROWS = [(heading, *row) for heading in ("## Met", *REASONED) for row in rows(heading)]
CLAIMED = [pytest.param(row, id=row[0]) for row in rows("## Met")]
FILES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in ROOT.glob("tests/**/test_*.py")}
THERE = {f"{path}::{name}" for path, text in FILES.items() for name in names_in(text)}


def test_every_requirement_has_exactly_one_row():
    assert Counter(each for row in ROWS for each in ids(row[1])) == Counter(REQUIREMENTS.keys())


def test_every_row_says_the_level():
    said = {row[1]: row[2].split("–") for row in ROWS}
    assert said == {row[1]: sorted({REQUIREMENTS[each] for each in ids(row[1])}) for row in ROWS}


@pytest.mark.parametrize("row", CLAIMED)
def test_what_is_claimed_is_proved_by_tests_that_exist(row):
    named = re.findall(r"`([^`]+)`", row[4])
    assert named
    assert set(named) <= THERE


def test_what_is_not_claimed_has_a_reason():
    reasons = {row[0]: row[-1] for heading in REASONED for row in rows(heading)}
    assert [each for each, reason in reasons.items() if not reason] == []


def test_the_figures_above_the_tables_are_right():
    headings = ("## Met", *REASONED)
    met, unmet, operator, foreign = ([each for row in rows(heading) for each in ids(row[0])] for heading in headings)
    levels, first = Counter(REQUIREMENTS[each] for each in met), sum(REQUIREMENTS[each] == "1" for each in unmet)
    figures = (levels["1"], levels["2"], levels["3"], len(unmet), first, len(operator), len(foreign))
    said = re.search(r"^We meet.*?do not apply", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    said = re.sub(r"level \d", "level", said)
    assert tuple(map(int, re.findall(r"\d+", said))) == figures


def test_the_names_of_tests_are_read_right():
    source = "def test_a(): ...\ndef helper(): ...\nclass TestB:\n    def test_c(self): ...\n    def d(self): ...\n"
    assert list(names_in(source)) == ["test_a", "TestB::test_c"]
    assert list(ids("1.2.6–1.2.8, 1.3.8")) == ["1.2.6", "1.2.7", "1.2.8", "1.3.8"]
