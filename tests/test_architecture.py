"""The import rules of the house, read from the syntax tree: imports go down only, and rooms on one floor never meet."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each room may import of ours. A room may always import itself.
MAY_IMPORT = {
    "app.compat": ("app.web.classic", "config", "run"),
    "app.start": ("app.auth", "app.domain.mail.console", "app.core", "config"),
    "app.web": ("app.auth", "app.core.errors", "app.core.logs", "app.core.origin", "app.core.counting", "config"),
    "app.cli": ("app.auth", "app.core.errors", "app.core.origin", "config"),
    "app.auth": ("app.parts", "app.flows", "app.domain", "app.core", "config"),
    "app.parts": ("app.flows.steps", "app.domain", "app.core", "config"),
    "app.flows": ("app.flows.steps", "app.domain", "app.core"),
    "app.domain": ("app.core",),
    "app.core": (),
}
SCRIPTS = "app.compat"  # modules for scripts of learners: they make an app, and nothing imports them
ABOVE_ALL = "app"  # create_app: it imports everything, and nobody imports it
ROOMS_SIDE_BY_SIDE = ("app.flows", "app.domain")  # each module or folder in them is a room of its own
ADAPTERS = (
    "app.core.database", "app.domain.tokens.bearer", "app.domain.mail.smtp", "app.domain.accounts.legacy_hashes",
)  # fmt: skip
RUN_BY_ALEMBIC = "app.core.migrations"
FORBIDDEN_PACKAGES = {
    "app.web": ("sqlalchemy", "flask_sqlalchemy", "flask_migrate", "alembic"),
    "app.cli": ("sqlalchemy", "flask_sqlalchemy", "alembic"),
    "app.flows": ("flask", "flask_", "werkzeug", "sqlalchemy"),
    "app.domain": ("flask", "flask_", "werkzeug"),
    "app.core": ("flask", "flask_", "werkzeug"),
}
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common"}
WING = "app.web.classic"  # nothing depends on it, and it on little
WING_MAY_IMPORT = (
    "app.auth", "app.core.origin", "app.web.door", "app.web.endpoint", "app.web.guards", "app.web.origin",
    "app.web.wire", "config",
)  # fmt: skip
WING_IS_MOUNTED_BY = "app.web.site"
LOADS_LATE = "app.core.redis"  # a client that few need and everybody would wait for
TYPE_CHECKING_ALLOWED = ("app.core.database",)


class House:
    """The modules of `app/` under a folder, and what they import."""

    def __init__(self, root: Path) -> None:
        self.trees = {_name(root, path): ast.parse(path.read_text()) for path in sorted(root.glob("app/**/*.py"))}
        self.imports = {name: sorted(set(self._imports(tree))) for name, tree in self.trees.items()}

    def _imports(self, tree: ast.AST) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    submodule = f"{module}.{alias.name}"
                    yield submodule if submodule in self.trees else module

    def breaks(self) -> list[str]:
        """Every broken rule, in words."""
        rules = (self._floors, self._wing, self._packages, self._hidden_imports, self._circles, self._vague_names)
        return [broken for rule in rules for broken in rule()]

    def _floors(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            floor, room = _floor(name), _room(name)
            for target in filter(_is_ours, targets):
                if target == ABOVE_ALL:
                    yield from () if floor == SCRIPTS else [f"{name} imports app itself"]
                elif floor != ABOVE_ALL and not _within(target, (room, *MAY_IMPORT.get(floor, ()))):
                    yield f"{name} may not import {target}"
            yield from (f"{name} has a relative import" for target in targets if target.startswith("."))

    def _wing(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            for target in filter(_is_ours, targets):
                if _within(name, (WING,)) and not _within(target, (WING, *WING_MAY_IMPORT)):
                    yield f"{name} is of the wing and may not import {target}"
                elif _within(target, (WING,)) and not _within(name, (WING, WING_IS_MOUNTED_BY, SCRIPTS)):
                    yield f"{name} depends on the wing by {target}"

    def _packages(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            forbidden = FORBIDDEN_PACKAGES.get(_floor(name), ())
            if name in ADAPTERS or _within(name, (RUN_BY_ALEMBIC,)):
                continue
            for target in targets:
                package = target.partition(".")[0]
                if any(package == word or (word.endswith("_") and package.startswith(word)) for word in forbidden):
                    yield f"{name} may not import {package}"

    def _hidden_imports(self) -> Iterator[str]:
        for name, tree in self.trees.items():
            for function in (
                node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ):
                if name != LOADS_LATE and any(
                    isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)
                ):
                    yield f"{name} imports inside {function.name}()"
            words = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
            if "TYPE_CHECKING" in words and name not in TYPE_CHECKING_ALLOWED:
                yield f"{name} hides imports behind TYPE_CHECKING"
            if words & {"__import__", "import_module"}:
                yield f"{name} imports by name"

    def _circles(self) -> Iterator[str]:
        rooms: dict[str, set[str]] = {}
        for name, targets in self.imports.items():
            found = {_room(target) for target in targets if target in self.trees}
            rooms.setdefault(_room(name), set()).update(found - {_room(name)})
        yield from _in_circles({name: set(targets) for name, targets in self.imports.items()}, "module")
        yield from _in_circles(rooms, "room")

    def _vague_names(self) -> Iterator[str]:
        for name in self.trees:
            yield from (f"{name}: {word} is no name" for word in set(name.split(".")) & VAGUE_NAMES)


def _name(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _floor(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _room(name: str) -> str:
    """What a rule speaks of: a floor as a whole, but each noun and each verb by itself."""
    return ".".join(name.split(".")[:3]) if _floor(name) in ROOMS_SIDE_BY_SIDE else _floor(name)


def _is_ours(target: str) -> bool:
    return target.partition(".")[0] in ("app", "config", "run", "tests")


def _within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def _in_circles(graph: dict[str, set[str]], kind: str) -> Iterator[str]:
    for start in graph:
        seen, ahead = set(), set(graph[start])
        while ahead:
            step = ahead.pop()
            seen.add(step)
            ahead |= graph.get(step, set()) - seen
        if start in seen:
            yield f"{kind} {start} imports itself by way of others"


def test_every_import_keeps_the_rules_of_the_house():
    assert House(ROOT).breaks() == []


def test_the_house_is_seen_at_all():
    house = House(ROOT)
    assert {"app", "app.auth", "app.core.database", "app.web"} <= house.trees.keys()
    assert "app.core.errors" in house.imports["app.core.database"]


def test_the_table_knows_every_floor():
    assert {_floor(name) for name in House(ROOT).trees} - {ABOVE_ALL} <= MAY_IMPORT.keys()


PLANTED = [
    ("app/web/api/a.py", "import app.flows.sign_in", "app.web.api.a may not import app.flows.sign_in"),
    ("app/web/api/a.py", "from app.domain import accounts", "app.web.api.a may not import app.domain.accounts"),
    ("app/web/api/a.py", "from app.core.work import Work", "app.web.api.a may not import app.core.work"),
    ("app/web/api/a.py", "from app.cli import commands", "app.web.api.a may not import app.cli"),
    ("app/web/api/a.py", "import sqlalchemy as sa", "app.web.api.a may not import sqlalchemy"),
    ("app/web/api/a.py", "import app.web.classic.terms", "app.web.api.a depends on the wing by app.web.classic.terms"),
    ("app/web/classic/a.py", "import app.compat.db", "app.web.classic.a may not import app.compat.db"),
    ("app/compat/a.py", "import app.flows.classic", "app.compat.a may not import app.flows.classic"),
    ("app/web/classic/a.py", "import app.web.api.account", "app.web.classic.a is of the wing and may not import app"),
    ("app/web/classic/a.py", "from app.core.errors import Busy", "app.web.classic.a is of the wing and may not"),
    ("app/web/classic/a.py", "from sqlalchemy.exc import NoResultFound", "app.web.classic.a may not import sqlalchemy"),
    ("app/cli/a.py", "from app.web.door import auth", "app.cli.a may not import app.web.door"),
    ("app/auth.py", "import app.web.door", "app.auth may not import app.web.door"),
    ("app/flows/a.py", "from app.flows import sign_in", "app.flows.a may not import app.flows.sign_in"),
    ("app/flows/a.py", "from flask import request", "app.flows.a may not import flask"),
    ("app/flows/a.py", "import sqlalchemy.orm", "app.flows.a may not import sqlalchemy"),
    ("app/flows/a.py", "from config import Settings", "app.flows.a may not import config"),
    ("app/flows/steps/a.py", "import app.flows.sign_in", "app.flows.steps.a may not import app.flows.sign_in"),
    ("app/domain/mail/a.py", "import app.domain.accounts", "app.domain.mail.a may not import app.domain.accounts"),
    ("app/domain/mail/a.py", "from flask import g", "app.domain.mail.a may not import flask"),
    ("app/domain/mail/a.py", "import flask_mail", "app.domain.mail.a may not import flask_mail"),
    ("app/domain/mail/a.py", "import config", "app.domain.mail.a may not import config"),
    ("app/core/a.py", "import app.domain.accounts", "app.core.a may not import app.domain.accounts"),
    ("app/core/a.py", "from flask_sqlalchemy import SQLAlchemy", "app.core.a may not import flask_sqlalchemy"),
    ("app/core/a.py", "from app import create_app", "app.core.a imports app itself"),
    ("app/core/a.py", "import tests.support.servers", "app.core.a may not import tests.support.servers"),
    ("app/core/a.py", "from . import errors", "app.core.a has a relative import"),
    ("app/core/a.py", "def f():\n    import os", "app.core.a imports inside f()"),
    ("app/core/a.py", "class A:\n    async def f(self):\n        from os import path", "app.core.a imports inside f()"),
    ("app/core/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING: pass", "behind TYPE_CHECKING"),
    ("app/core/a.py", "import typing as t\nif t.TYPE_CHECKING: pass", "behind TYPE_CHECKING"),
    ("app/core/a.py", "import importlib\nimportlib.import_module('app.web')", "app.core.a imports by name"),
    ("app/core/a.py", "import app.core.errors", "module app.core.a imports itself by way of others"),
    ("app/core/utils.py", "", "app.core.utils: utils is no name"),
    ("app/web/helpers/a.py", "", "app.web.helpers.a: helpers is no name"),
]


@pytest.fixture
def small_house(tmp_path):
    """A house in which one module of each room does nothing wrong."""
    files = {
        "app/__init__.py": "import app.auth, app.web.door, app.cli.commands\nimport flask",
        "app/web/door.py": "from app.auth import Auth\nfrom app.core.errors import Refusal\nimport flask",
        "app/cli/__init__.py": "",
        "app/cli/commands.py": "import app.auth",
        "app/auth.py": "import app.flows.sign_in\nimport app.domain.mail.smtp\nfrom config import Settings",
        "app/flows/__init__.py": "",
        "app/flows/sign_in.py": "from app.flows.steps import issue\nfrom app.domain.accounts import store",
        "app/flows/steps/issue.py": "from app.core.work import Work",
        "app/domain/__init__.py": "",
        "app/domain/accounts/__init__.py": "",
        "app/domain/accounts/store.py": "import sqlalchemy\nimport app.core.work",
        "app/domain/mail/smtp.py": "import flask_mail\nfrom flask import current_app",
        "app/core/work.py": "from app.core import errors\nif True:\n    import os",
        "app/core/errors.py": "",
        "app/core/migrations/env.py": "from flask import current_app",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_house_in_order_breaks_no_rule(small_house):
    assert House(small_house).breaks() == []


@pytest.mark.parametrize(("file", "text", "said"), PLANTED)
def test_a_planted_break_is_found(small_house, file, text, said):
    if file == "app/core/a.py":  # something to go round in a circle with
        (small_house / "app/core/errors.py").write_text("import app.core.a")
    path = small_house / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert any(said in broken for broken in House(small_house).breaks())


def test_two_rooms_that_need_each_other_are_found(small_house):
    (small_house / "app/flows/steps/other.py").write_text("import app.flows.steps.issue")
    (small_house / "app/flows/steps/issue.py").write_text("import app.flows.steps.other")
    assert "module app.flows.steps.issue imports itself by way of others" in House(small_house).breaks()


# Who may open sessions, end all of them, or revoke the links of emails: another caller would forget half of it.
CALLERS = {
    "sessions.open": {"registration", "classic", "steps.open_session"},
    "sessions.end_all": {"sessions", "administered_sessions", "classic", "steps.revoke_access"},
    "challenges.void": {"classic", "steps.revoke_access"},
}


def test_access_is_given_and_taken_in_few_places():
    found = {call: set() for call in CALLERS}
    for file in (ROOT / "app/flows").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                call = f"{node.value.attr}.{node.attr}"
                if call in found:
                    found[call].add(_name(ROOT / "app/flows", file))
    assert found == CALLERS
