"""What the house does not do, read from its source: run text as code, make patterns or templates of input, redirect."""

import ast
import re

import pytest

from config import ROOT

FILES = [*sorted(ROOT.glob("app/**/*.py")), ROOT / "config.py", ROOT / "run.py"]
BREACHES = "app/domain/accounts/breached_passwords.py"
SCRIPTS = sorted((ROOT / "app/web/static").glob("*.js"))
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "render_template_string", "from_string"}
RUNS_PROGRAMS = {"subprocess", "os.system", "os.popen", "pickle", "marshal", "shelve", "yaml", "xml", "ctypes", "pty"}
WEAK = {"md5", "sha1", "random.random", "random.randint", "random.choice", "uuid1"}
WRITES = {"write_text", "write_bytes", "FileHandler", "mkdir", "touch", "unlink"}
WRITES_MARKUP = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|postMessage|onpaste|\"paste\""
)


def calls(tree):
    """Each call, by the name it is called by, dots and all."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def found_in(text):
    """What is dangerous about a source text."""
    tree = ast.parse(text)
    yield from RUNS_PROGRAMS.intersection(imports(tree))
    for name, call in calls(tree):
        last = name.rpartition(".")[2]
        if re.fullmatch(r"re\.[a-z]+", name):
            if name != "re.escape" and not isinstance(call.args[0], ast.Constant):
                yield f"{name} of no constant"
        elif last == "format" and not re.fullmatch(r"[A-Z_]+\.format", name):
            yield f"{name} of no constant"
        elif last in RUNS_TEXT or name in RUNS_PROGRAMS or {last, name} & WEAK:
            yield name


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def test_no_code_pattern_or_template_is_built_from_input():
    found = {name_of(path): set(found_in(path.read_text())) for path in FILES}
    # k-anonymity: the service that knows breached passwords speaks SHA-1
    # SQLAlchemy compiles a statement of ours to SQL
    allowed = {BREACHES: {"hashlib.sha1"}, "app/core/compiled.py": {"statement.compile"}}
    assert {name: calls for name, calls in found.items() if calls} == allowed


@pytest.mark.parametrize(
    "planted",
    ["eval(x)", "import subprocess", "from pickle import loads", "os.system(x)", "re.compile(x)", "x.format(y)",
     "env.from_string(x)", "render_template_string(x)", "hashlib.md5(x)", "random.choice(x)"],
)  # fmt: skip
def test_what_is_planted_is_found(planted):
    assert len(set(found_in(planted))) == 1


def test_the_service_writes_no_file():
    found = [(name_of(path), name) for path in FILES[:-2] for name, _ in calls(ast.parse(path.read_text()))]
    assert [(path, name) for path, name in found if name == "open" or name.rpartition(".")[2] in WRITES] == []


def test_redirects_lead_to_own_pages_and_settings():
    redirects = [
        (path.relative_to(ROOT).as_posix(), ast.unparse(call.args[0]))
        for path in FILES
        for name, call in calls(ast.parse(path.read_text()))
        if name.rpartition(".")[2] == "redirect"
    ]
    assert redirects == [
        (
            "app/web/api/providers.py",
            "url",
        ),  # of a provider in the settings, a member of REDIRECT_URLS, or our own path
        ("app/web/compat/user_service/routes.py", "url_for('.get_welcome_message')"),
        ("app/web/pages/home.py", "settings.change_password_url or url_for('pages_account_password.open_page')"),
        ("app/web/pages/home.py", "url_for('pages_reset_password.ask_address')"),
        ("app/web/pages/redirects.py", "url"),  # a page of ours, or a provider in the settings
    ]


def test_scripts_insert_text_only_and_allow_paste():
    assert {path.name: found for path in SCRIPTS if (found := re.findall(WRITES_MARKUP, path.read_text()))} == {}
