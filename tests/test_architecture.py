"""The import rules, read from the syntax tree: imports go down only, and packages of one layer never meet."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

EDGE = ("app.web", "app.cli")
EDGE_IMPORTS_NAMES_OF = ("app.flows", "app.domain", "app.core.pagination")
# Only errors, from where they are defined, and these values
EDGE_IMPORTS_VALUES = {
    "ACCESS", "ADMIN", "REFRESH", "PASSWORD_ERRORS", "AccountSnapshot", "Identity", "AccountQuery",
    "CompletedSignIn", "ProviderAnswer", "Scope", "StartedByEmail", "Tokens",
}  # fmt: skip
# What each layer may import of ours. A package may always import itself.
MAY_IMPORT = {
    "app.compat": ("app.web.compat", "config", "run"),
    "app.start": ("app.current", "app.domain.mail.console", "app.core", "config"),
    "app.web": (
        "app.current",
        *EDGE_IMPORTS_NAMES_OF,
        "app.core.errors",
        "app.core.logs",
        "app.core.client_info",
        "app.core.counting",
        "app.core.active_requests",
        "config",
    ),
    "app.cli": ("app.current", *EDGE_IMPORTS_NAMES_OF, "app.core.errors", "app.core.client_info", "config"),
    "app.current": ("app.auth", "config"),
    "app.container": ("app.auth", "app.flows", "app.domain", "app.core", "config"),
    "app.auth": ("app.flows", "app.domain"),
    "app.flows": ("app.flows.steps", "app.domain", "app.core"),
    "app.domain": ("app.core",),
    "app.core": (),
}
SCRIPTS = "app.compat"  # modules for scripts of learners: they make an app, and nothing imports them
ABOVE_ALL = "app"  # create_app: it imports everything, and nobody imports it
PACKAGES_SIDE_BY_SIDE = ("app.flows", "app.domain")  # each module or folder in them is a package of its own
ADAPTERS = (
    "app.core.database", "app.domain.tokens.jwt_tokens", "app.domain.mail.smtp", "app.domain.accounts.legacy_hashes",
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
COMPAT = "app.web.compat"  # nothing depends on it, and it depends on little
COMPAT_MAY_IMPORT = (
    "app.current", "app.flows", "app.domain", "app.core.client_info", "app.web.endpoint", "app.web.guards",
    "app.web.client_info", "app.web.schemas", "config",
)  # fmt: skip
COMPAT_IS_MOUNTED_BY = "app.web.setup"
COMPAT_RAISES = ("app.web.compat.user_service", "sqlalchemy")  # its contract promises the errors of SQLAlchemy
# A client and a library that few need and every process would wait for
LOADS_LATE = ("app.core.redis_options", "app.domain.passkeys.verification", "app.web.pages.catalogs")
TYPE_CHECKING_ALLOWED = ("app.core.database",)


class CodeBase:
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
        imports = (self._layers, self._edge, self._compat, self._packages, self._hidden_imports, self._circles)
        rules = (*imports, self._vague_names)
        return [broken for rule in rules for broken in rule()]

    def _layers(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            layer, package = _layer(name), _package(name)
            for target in filter(_is_ours, targets):
                if target == ABOVE_ALL:
                    yield from () if layer == SCRIPTS else [f"{name} imports app itself"]
                elif layer != ABOVE_ALL and not _within(target, (package, *MAY_IMPORT.get(layer, ()))):
                    yield f"{name} may not import {target}"
            yield from (f"{name} has a relative import" for target in targets if target.startswith("."))

    def _edge(self) -> Iterator[str]:
        allowed = EDGE_IMPORTS_VALUES | self._errors()
        for name, tree in self.trees.items():
            if not _within(name, EDGE):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    named = [(alias.name, "") for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    named = [(node.module or "", alias.name) for alias in node.names]
                else:
                    continue
                for module, what in named:
                    if _within(module, EDGE_IMPORTS_NAMES_OF) and what not in allowed:
                        yield f"{name} may not import {module} {what}".rstrip()

    def _errors(self) -> set[str]:
        classes = [node for tree in self.trees.values() for node in tree.body if isinstance(node, ast.ClassDef)]
        errors = {node.name for node in self.trees.get("app.core.errors", ast.Module([], [])).body
                  if isinstance(node, ast.ClassDef)}  # fmt: skip
        while found := {
            node.name
            for node in classes
            if node.name not in errors and {base.id for base in node.bases if isinstance(base, ast.Name)} & errors
        }:
            errors |= found
        return errors

    def _compat(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            for target in filter(_is_ours, targets):
                if _within(name, (COMPAT,)) and not _within(target, (COMPAT, *COMPAT_MAY_IMPORT)):
                    yield f"{name} is of the compatibility API and may not import {target}"
                elif _within(target, (COMPAT,)) and not _within(name, (COMPAT, COMPAT_IS_MOUNTED_BY, SCRIPTS)):
                    yield f"{name} depends on the compatibility API by {target}"

    def _packages(self) -> Iterator[str]:
        for name, targets in self.imports.items():
            forbidden = FORBIDDEN_PACKAGES.get(_layer(name), ())
            if name in ADAPTERS or _within(name, (RUN_BY_ALEMBIC,)):
                continue
            for target in targets:
                package = target.partition(".")[0]
                if _within(name, COMPAT_RAISES[:1]) and package == COMPAT_RAISES[1]:
                    continue
                if any(package == word or (word.endswith("_") and package.startswith(word)) for word in forbidden):
                    yield f"{name} may not import {package}"

    def _hidden_imports(self) -> Iterator[str]:
        for name, tree in self.trees.items():
            for function in (
                node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ):
                if name not in LOADS_LATE and any(
                    isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)
                ):
                    yield f"{name} imports inside {function.name}()"
            words = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
            if "TYPE_CHECKING" in words and name not in TYPE_CHECKING_ALLOWED:
                yield f"{name} hides imports behind TYPE_CHECKING"
            if words & {"__import__", "import_module"}:
                yield f"{name} imports by name"

    def _circles(self) -> Iterator[str]:
        packages: dict[str, set[str]] = {}
        for name, targets in self.imports.items():
            found = {_package(target) for target in targets if target in self.trees}
            packages.setdefault(_package(name), set()).update(found - {_package(name)})
        yield from _in_circles({name: set(targets) for name, targets in self.imports.items()}, "module")
        yield from _in_circles(packages, "package")

    def _vague_names(self) -> Iterator[str]:
        for name in self.trees:
            yield from (f"{name}: {word} is too vague" for word in set(name.split(".")) & VAGUE_NAMES)


def _name(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _layer(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _package(name: str) -> str:
    """The unit of a rule: a layer as a whole, but each entity and each flow by itself."""
    return ".".join(name.split(".")[:3]) if _layer(name) in PACKAGES_SIDE_BY_SIDE else _layer(name)


def _is_ours(target: str) -> bool:
    return target.partition(".")[0] in ("app", "config", "run", "tests")


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def _in_circles(graph: dict[str, set[str]], kind: str) -> Iterator[str]:
    for start in graph:
        seen, ahead = set(), set(graph[start])
        while ahead:
            step = ahead.pop()
            seen.add(step)
            ahead |= graph.get(step, set()) - seen
        if start in seen:
            yield f"{kind} {start} imports itself through others"


@cache
def ours() -> CodeBase:
    return CodeBase(ROOT)


def test_every_import_keeps_the_rules():
    assert ours().breaks() == []


def test_the_modules_are_found():
    code = ours()
    assert {"app", "app.auth", "app.core.database", "app.web"} <= code.trees.keys()
    assert "app.core.errors" in code.imports["app.core.database"]


def test_the_table_names_every_layer():
    assert {_layer(name) for name in ours().trees} - {ABOVE_ALL} <= MAY_IMPORT.keys()


PLANTED = [
    ("app/web/api/a.py", "import app.flows.sign_in", "app.web.api.a may not import app.flows.sign_in"),
    ("app/web/api/a.py", "from app.domain import accounts", "app.web.api.a may not import app.domain accounts"),
    (
        "app/web/api/a.py",
        "from app.core.unit_of_work import Work",
        "app.web.api.a may not import app.core.unit_of_work",
    ),
    ("app/web/api/a.py", "from app.cli import commands", "app.web.api.a may not import app.cli"),
    ("app/web/api/a.py", "import sqlalchemy as sa", "app.web.api.a may not import sqlalchemy"),
    ("app/web/api/a.py", "import app.web.compat.contract", "app.web.api.a depends on the compatibility API"),
    ("app/web/compat/a.py", "import app.compat.db", "app.web.compat.a may not import app.compat.db"),
    ("app/compat/a.py", "import app.flows.compat", "app.compat.a may not import app.flows.compat"),
    ("app/web/compat/a.py", "import app.web.api.account", "app.web.compat.a is of the compatibility API"),
    ("app/web/compat/a.py", "from app.core.errors import Busy", "app.web.compat.a is of the compatibility API"),
    ("app/web/compat/a.py", "from sqlalchemy.exc import NoResultFound", "app.web.compat.a may not import sqlalchemy"),
    ("app/cli/a.py", "from app.web.endpoint import endpoint", "app.cli.a may not import app.web.endpoint"),
    ("app/auth.py", "import app.current", "app.auth may not import app.current"),
    ("app/web/api/a.py", "from app.domain.accounts.store import Store", "app.domain.accounts.store Store"),
    ("app/web/api/a.py", "import app.container", "app.web.api.a may not import app.container"),
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
    ("app/core/a.py", "import app.core.errors", "module app.core.a imports itself through others"),
    ("app/core/utils.py", "", "app.core.utils: utils is too vague"),
    ("app/web/helpers/a.py", "", "app.web.helpers.a: helpers is too vague"),
]


STORE = "import sqlalchemy\nfrom app.core.errors import Refusal\nclass NoSuchAccount(Refusal): 1"


@pytest.fixture
def small_code_base(tmp_path):
    """A code base in which one module of each layer breaks no rule."""
    files = {
        "app/__init__.py": "import app.container, app.web.guards, app.cli.commands\nimport flask",
        "app/web/guards.py": "from app.current import auth\nfrom app.domain.accounts.store import NoSuchAccount",
        "app/cli/__init__.py": "",
        "app/cli/commands.py": "from app.current import auth",
        "app/current.py": "from app.auth import Auth\nimport flask",
        "app/container.py": "from app.auth import Auth\nimport app.domain.mail.smtp\nfrom config import Settings",
        "app/auth.py": "import app.flows.sign_in",
        "app/flows/__init__.py": "",
        "app/flows/sign_in.py": "from app.flows.steps import issue\nfrom app.domain.accounts import store",
        "app/flows/steps/issue.py": "from app.core.unit_of_work import Work",
        "app/domain/__init__.py": "",
        "app/domain/accounts/__init__.py": "",
        "app/domain/accounts/store.py": STORE,
        "app/domain/mail/smtp.py": "import flask_mail\nfrom flask import current_app",
        "app/core/unit_of_work.py": "from app.core import errors\nif True:\n    import os",
        "app/core/errors.py": "class Refusal(Exception): pass",
        "app/core/migrations/env.py": "from flask import current_app",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_correct_code_base_breaks_no_rule(small_code_base):
    assert CodeBase(small_code_base).breaks() == []


@pytest.mark.parametrize(("file", "text", "said"), PLANTED)
def test_a_planted_break_is_found(small_code_base, file, text, said):
    if file == "app/core/a.py":  # the other half of a circle
        (small_code_base / "app/core/errors.py").write_text("import app.core.a")
    path = small_code_base / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert any(said in broken for broken in CodeBase(small_code_base).breaks())


def test_a_circle_of_two_modules_is_found(small_code_base):
    (small_code_base / "app/flows/steps/other.py").write_text("import app.flows.steps.issue")
    (small_code_base / "app/flows/steps/issue.py").write_text("import app.flows.steps.other")
    assert "module app.flows.steps.issue imports itself through others" in CodeBase(small_code_base).breaks()


# The only steps that open sessions, end all of them, revoke the links of emails, or queue an email.
CALLERS = {
    "sessions.open": {"steps.open_session"},
    "sessions.end_all": {"steps.revoke_access"},
    "email_actions.revoke": {"steps.revoke_access"},
    "outbox.enqueue": {"steps.notify"},
    "outbox.enqueue_now": {"steps.notify"},
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
