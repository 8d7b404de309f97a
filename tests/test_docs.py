"""The documentation says what is so: its tables, links, names and commands are held against the service itself."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest

from app.core.errors import ServiceError
from app.web.errors import STATUS, status_of, title_of
from app.web.input_errors import CODES
from app.web.openapi import errors_of
from config import ROOT, Settings, load
from tests.web.api.routes import ROUTES, SOMEBODY, SOMETHING

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("**/*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
each_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)
BASE = "http://localhost:8000"
API = ROOT / "docs/api.md"
WHO = {
    "Anyone": "anyone",
    "SignedIn": "signed in",
    "MaybeSignedIn": "anyone, or signed in",
    "HasRefreshToken": "refresh token",
    "SignedInByCookie": "signed in by cookie",
    "Administrator": "administrator",
}
MADE_WHEN_RUN = (".venv", "instance", ".env")


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level, text = heading.split(" ")[0], page.read_text()
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no {heading!r}"
    return found[1]


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the rows of the first table under a heading, without its head."""
    first = re.search(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    assert first, f"{page.name} has no table under {heading!r}"
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in first[0].splitlines()[2:]]


def fenced(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def spans(page: Path) -> set[str]:
    """What is set as code within sentences."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", prose))


def named_paths(page: Path) -> set[str]:
    """Every file or folder of the repository that a page names in code."""
    top = {entry.name for entry in ROOT.iterdir()} - set(MADE_WHEN_RUN)
    words = {word for span in spans(page) for word in span.split()}
    words |= {line.split()[0] for block in fenced(page.read_text(), "text") for line in block.splitlines() if line}
    paths = {word.rstrip(".,:;/") for word in words if re.fullmatch(r"[\w./-]+", word)}
    return {path for path in paths if path.split("/")[0] in top}


@each_page
def test_a_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    targets = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@each_page
def test_a_link_within_a_page_leads_to_a_heading(page):
    for link in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", page.read_text()):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            text = (page.parent / name if name else page).read_text()
            headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@each_page
def test_a_path_that_is_named_exists(page):
    bases = (ROOT, ROOT / "app", ROOT / "tests", page.parent)
    assert [path for path in named_paths(page) if not any((base / path).exists() for base in bases)] == []


@each_page
def test_a_make_target_that_is_named_exists(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(commands) <= targets


def test_map_shows_every_package():
    rooms = [*ROOT.glob("app/*/"), *ROOT.glob("app/domain/*/"), *ROOT.glob("app/flows/*/")]
    rooms = {str(room.relative_to(ROOT)) for room in rooms if list(room.glob("*.py"))} - {"app/domain"}
    shown = {line.split()[0].rstrip("/") for line in section(README, "## The map of the house").splitlines() if line}
    assert rooms - shown == set()


def test_the_settings_table_has_exactly_the_settings():
    documented = [name.strip("`") for name, *_ in table(README, "## Settings")]
    assert sorted(documented) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_documented_defaults_match_the_settings(name, tmp_path):
    said = {row[0].strip("`").lower(): row[1] for row in table(README, "## Settings")}.get(name, "not in the table")
    declared, in_use = Settings.model_fields[name].default, getattr(load({}, instance_path=tmp_path), name)
    if name == "instance_path":
        assert said == f"`{declared.relative_to(ROOT)}`"
    elif declared in ("", [], None) and not in_use:
        assert said == "–"
    elif declared == in_use:
        assert said == f"`{str(declared).lower() if isinstance(declared, bool) else declared}`"
    else:  # worked out at start, or made: the table says it in words
        assert re.match(r"[A-Za-z]", said)


def refusals(kind: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Every class of refusal that a client or an operator may meet."""
    if issubclass(kind, tuple(STATUS)) and kind.__module__.startswith("app."):
        yield kind
    for child in kind.__subclasses__():
        yield from refusals(child)


def codes(heading: str) -> set[tuple[str, str]]:
    """The codes and their status in the table under a heading."""
    return {(code.strip("`"), status) for code, status, _ in table(API, heading)}


def test_code_tables_match_the_errors_and_their_status():
    there = {(refusal.code, str(int(status_of(refusal)))) for refusal in refusals()}
    assert codes("## Codes") | codes("### Codes that no route answers with") == there


def test_the_table_of_member_codes_has_exactly_those_there_are():
    assert [code.strip("`") for code, _ in table(API, "### Codes of members")] == [*CODES]


def test_a_code_stands_in_the_table_where_it_belongs():
    answered = {refusal.code for _, _, contract in ROUTES for refusal in errors_of(contract)}
    assert {code for code, _ in codes("### Codes that no route answers with")} & answered == set()
    assert answered <= {code for code, _ in codes("## Codes")}


def test_http_error_codes_are_the_titles_of_their_status():
    for code, status in codes("### Codes of HTTP itself"):
        known = title_of(HTTPStatus(int(status))).lower().replace(" ", "_")
        assert code == ("internal_error" if status == "500" else known)


def test_the_table_of_routes_is_the_url_map():
    rows = table(API, "## Routes")
    said = {
        (route.strip("`"), who, gives.split()[0], limit.replace(" a ", " per ")) for route, who, _, gives, limit in rows
    }
    there = {
        (f"{method} {re.sub(f'{SOMEBODY}|{SOMETHING}', '{id}', path)}", WHO[type(contract.who).__name__],
         str(contract.status), str(contract.limit or ""))
        for method, path, contract in ROUTES
    }  # fmt: skip
    assert said == there


def tour_script(port: int) -> str:
    """The commands of the tour, as one script that says where each block begins."""
    blocks = fenced(section(README, "## A five-minute tour"), "bash")
    return "\n".join(f"echo '@@@'\n{block}" for block in blocks).replace(BASE, f"http://localhost:{port}")


def alike(printed: str) -> str:
    """The text without what differs from run to run: ids, times, tokens, ports."""
    for pattern, word in (
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"), (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"ann\.\d+@", "ann@"), (r"eyJ[\w.…-]+", "TOKEN"), (r"#token=[\w.…-]+", "#token=TOKEN"),
        (r'"expires_in":\d+', '"expires_in":SECONDS'), (r"localhost:\d+", "localhost"),
    ):  # fmt: skip
        printed = re.sub(pattern, word, printed)
    return printed.strip()


@pytest.fixture
def started(tmp_path):
    """The port of a service that was started as a developer starts it."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, mail_port = one.getsockname()[1], other.getsockname()[1]
    told = {"PORT": port, "MAIL_PORT": mail_port, "INSTANCE_PATH": tmp_path / "instance", "BCRYPT_ROUNDS": 4}
    environ = {"PATH": os.environ["PATH"]} | {name: str(value) for name, value in told.items()}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, ROOT / "run.py"], cwd=tmp_path, env=environ, stdout=log, stderr=log)
        try:
            wait_for(f"http://localhost:{port}/readyz", process, tmp_path / "log")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Until the service answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the service did not start: {log.read_text()}")


def test_a_started_service_seals_what_happened(started, tmp_path):
    body = json.dumps({"email": "ann@example.com", "password": "correct horse battery"}).encode()
    signup = urllib.request.Request(
        f"http://localhost:{started}/api/v1/auth/signup", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(signup, timeout=5).close()  # noqa: S310
    with closing(sqlite3.connect(tmp_path / "instance" / "latchkey.db")) as database:
        end = time.monotonic() + 10
        while time.monotonic() < end and database.execute("SELECT position FROM audit_events").fetchall() != [(1,)]:
            time.sleep(0.05)
        assert database.execute("SELECT position FROM audit_head").fetchall() == [(1,)]


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="not here: bash and curl")
def test_the_tour_prints_what_the_readme_shows(started):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # python3, wherever it is called otherwise
    run = subprocess.run(
        ["bash", "-euc", tour_script(started)], env={"PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    shown = fenced(section(README, "## A five-minute tour"), "text")
    assert list(map(alike, run.stdout.split("@@@")[1:])) == list(map(alike, shown))
