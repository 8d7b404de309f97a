"""What the tests need: they start with requirements.txt alone, and skip what needs more."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import ROOT

OURS = {"app", "config", "latchkey_client", "run", "tests"}
# The state machine uses decorators of hypothesis, for which its test module asks package() before the rest is imported.
AFTER_PACKAGE = {"tests/model/test_accounts.py", "tests/model/machine.py", "tests/model/service.py"}


def test_test_files_import_only_what_requirements_txt_brings():
    known = set(sys.stdlib_module_names) | OURS | importable(ROOT / "requirements.txt")
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}: use package() of tests/conftest.py"
        for path in sorted(loaded_by_pytest())
        for name in imports(path)
        if name.partition(".")[0] not in known
        and not (str(path.relative_to(ROOT)) in AFTER_PACKAGE and name.startswith("hypothesis"))
    ]
    assert wrong == []


def test_packages_of_the_tests_alone_are_told_apart():
    service, tests = (importable(ROOT / name) for name in ("requirements.txt", "tests/requirements.txt"))
    assert {"flask", "jwt", "pytest", "yaml", "alembic"} <= service
    assert {"hypothesis", "schemathesis"} & service == set()
    assert ROOT / "tests/support/api.py" in loaded_by_pytest()
    assert service <= tests


def importable(requirements: Path) -> set[str]:
    """The top-level modules of the packages that a file names, and of those that they need in turn."""
    wanted, found = list(named_in(requirements)), set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in found:
            continue
        found.add((name, frozenset(requirement.extras)))
        wanted += needed_by(name, requirement.extras)
    names = {name for name, _ in found}
    return {
        module
        for module, packages in packages_distributions().items()
        if names & {canonicalize_name(package) for package in packages}
    }


def named_in(requirements: Path) -> Iterator[Requirement]:
    for line in requirements.read_text().splitlines():
        text = re.sub(r"\s*#.*", "", line).strip()
        if text.startswith("-r"):
            yield from named_in(requirements.parent / text.removeprefix("-r").strip())
        elif text:
            yield Requirement(text)


def needed_by(package: str, extras: set[str]) -> Iterator[Requirement]:
    try:
        texts = requires(package) or ()
    except PackageNotFoundError:  # not installed here
        return
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield requirement


def loaded_by_pytest() -> set[Path]:
    """The files that collecting the tests imports."""
    waiting = [path for path in ROOT.glob("tests/**/*.py") if path.name.startswith("test_") or path.stem == "conftest"]
    loaded: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in loaded:
            continue
        loaded.add(path)
        for name in imports(path):
            module = ROOT / f"{name.replace('.', '/')}.py"
            if name.startswith("tests.") and module.exists():
                waiting.append(module)
    return loaded


def imports(path: Path) -> Iterator[str]:
    """The names of what a file imports as soon as it is loaded."""
    for node in outside_functions(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)
