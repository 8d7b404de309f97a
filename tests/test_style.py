"""Limits of the style. A rule without a check is not a rule."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
FILES = [*sorted(ROOT.glob("app/**/*.py")), ROOT / "config.py", ROOT / "run.py"]
FILES = [path for path in FILES if "versions" not in path.parts and path.read_text().strip()]
MAX_LINES, MAX_FUNCTION = 300, 50  # as the formatter wraps them: one argument per line
LISTS = ROOT / "app/container"  # constructs everything in order: to split its functions would hide that
MOST_WORDS = 10
RETIRED_WORDS = {
    "anew", "beside", "door", "doors", "farewell", "floor", "floors", "heed", "house", "letter", "letters", "nobody",
    "nought", "patience", "room", "rooms", "shelf", "somebody", "whatever", "whence", "whoever", "wing", "witness",
}  # fmt: skip
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def length(text: str) -> int:
    return len(text.splitlines())


def long_functions(text: str, most: int = MAX_FUNCTION) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.end_lineno - node.lineno + 1 > most:
            yield node.name


def undocumented(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield "the module"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.name


def faults_of(text: str) -> Iterator[str]:
    if length(text) > MAX_LINES:
        yield f"{length(text)} lines"
    yield from (f"{name}() is long" for name in long_functions(text))
    yield from (f"{name} has no docstring" for name in undocumented(text))


def test_a_file_is_short_and_says_what_it_is():
    found = {str(path.relative_to(ROOT)): list(faults_of(path.read_text())) for path in FILES}
    for path in LISTS.glob("*.py"):
        listed = found[str(path.relative_to(ROOT))]
        listed[:] = [fault for fault in listed if fault not in ("build_auth() is long", "__init__() is long")]
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_median_file_is_under_80_lines():
    assert median(length(path.read_text()) for path in FILES) < 80


def test_the_ceilings_are_noticed_when_they_are_passed():
    assert list(long_functions("async def f():\n" + "    ...\n" * 50)) == ["f"]
    assert list(long_functions("def f():\n" + "    ...\n" * 49)) == []
    assert list(undocumented("class A: ...\nclass _B: ...")) == ["the module", "A"]


def names_of_tests(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def faults_of_name(name: str) -> Iterator[str]:
    words = name.removeprefix("test_").split("_")
    if len(words) > MOST_WORDS:
        yield f"{name} has {len(words)} words"
    yield from (f"{name}: {word}" for word in sorted(RETIRED_WORDS.intersection(words)))
    yield from (f"{name}: is no" for pair in pairwise(words) if pair in (("is", "no"), ("are", "no")))


def test_the_name_of_a_test_is_a_short_plain_sentence():
    names = [name for path in sorted(ROOT.glob("tests/**/*.py")) for name in names_of_tests(path.read_text())]
    assert [fault for name in names for fault in faults_of_name(name)] == []


def test_a_long_or_strange_name_is_noticed():
    assert list(faults_of_name("test_a_b_c_d_e_f_g_h_i_j_k")) == ["test_a_b_c_d_e_f_g_h_i_j_k has 11 words"]
    assert list(faults_of_name("test_nobody_opens_it")) == ["test_nobody_opens_it: nobody"]
    assert list(faults_of_name("test_it_is_no_user")) == ["test_it_is_no_user: is no"]
