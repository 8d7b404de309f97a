"""The documentation is correct: its tables, links, names and commands are compared with the service itself."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import ServiceError
from app.web.errors import STATUS, status_of, title_of
from app.web.input_errors import CODES
from app.web.openapi import errors_of
from config import RENAMED, ROOT, Settings, load
from tests.support.ports import unused_port
from tests.support.profile import in_ci
from tests.web.api.routes import ROUTES, SOMEBODY, SOMETHING

README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/decisions").glob("*.md")),
]
BASE = "http://localhost:8000"
API = ROOT / "docs/api.md"
ARCHITECTURE = ROOT / "docs/architecture.md"
CONFIGURATION = ROOT / "docs/configuration.md"
WHO = {
    "Anyone": "anyone",
    "SignedIn": "signed in",
    "MaybeSignedIn": "anyone, or signed in",
    "HasRefreshToken": "refresh token",
    "HasToken": "signed in, or refresh token",
    "SignedInByCookie": "signed in by cookie",
    "Administrator": "administrator",
}
MADE_WHEN_RUN = (".venv", "instance", ".env")


def section(page: Path, heading: str) -> str:
    """The text under a heading, up to the next heading of its level or above."""
    level, text = heading.split(" ")[0], page.read_text()
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no {heading!r}"
    return found[1]


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    return tables(page, heading)[0]


def tables(page: Path, heading: str) -> list[list[list[str]]]:
    """The cells of every table under a heading."""
    found = re.findall(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    assert found, f"{page.name} has no table under {heading!r}"
    return [[[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]] for text in found]


def by_page(wrong: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """The findings of each page that has some."""
    return {str(page.relative_to(ROOT)): found for page in PAGES if (found := wrong(page))}


def fenced(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def spans(page: Path) -> set[str]:
    """The code spans of a page."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", prose))


def named_paths(page: Path) -> set[str]:
    """Every file or folder of the repository that a page names in code."""
    top = {entry.name for entry in ROOT.iterdir()} - set(MADE_WHEN_RUN)
    words = {word for span in spans(page) for word in span.split()}
    words |= {line.split()[0] for block in fenced(page.read_text(), "text") for line in block.splitlines() if line}
    paths = {word.rstrip(".,:;/") for word in words if re.fullmatch(r"[\w./-]+", word)}
    return {path for path in paths if path.split("/")[0] in top}


def test_relative_links_lead_to_files():
    def wrong(page):
        links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        targets = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#|\.\./\.\./actions/", link)]
        return [target for target in targets if not (page.parent / target).exists()]

    assert by_page(wrong) == {}


def test_links_to_headings_lead_to_headings():
    def wrong(page):
        links = re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", page.read_text())
        return [link for link in links if "://" not in link and link.partition("#")[2] not in anchors(page, link)]

    assert by_page(wrong) == {}


def anchors(page: Path, link: str) -> set[str]:
    """The anchors of the page that a link on `page` leads to."""
    name = link.partition("#")[0]
    headings = re.findall(r"^#+ (.+)$", (page.parent / name if name else page).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_named_paths_exist():
    def wrong(page):
        bases = (ROOT, ROOT / "app", ROOT / "tests", page.parent)
        return [path for path in named_paths(page) if not any((base / path).exists() for base in bases)]

    assert by_page(wrong) == {}


def test_named_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    def wrong(page):
        return [*set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)) - targets]

    assert by_page(wrong) == {}


def test_package_map_shows_every_package():
    packages = [*ROOT.glob("app/*/"), *ROOT.glob("app/domain/*/"), *ROOT.glob("app/flows/*/")]
    there = {str(package.relative_to(ROOT)) for package in packages if list(package.glob("*.py"))} - {"app/domain"}
    shown = {line.split()[0].rstrip("/") for line in section(ARCHITECTURE, "## Package map").splitlines() if line}
    assert there - shown == set()


def test_index_of_decisions_is_complete():
    index = ROOT / "docs/decisions/index.md"
    titles = {page.name: page.read_text().splitlines()[0] for page in index.parent.glob("0*.md")}
    rows = {re.search(r"\((.*)\)", row[1])[1]: row for row in table(index, "# Decisions")}
    assert rows.keys() == titles.keys()
    assert {name: f"# {int(number)}. {link[1 : link.index(']')]}" for name, (number, link) in rows.items()} == titles


def settings_rows() -> dict[str, str]:
    """Each setting of the tables with its default."""
    return {row[0].strip("`").lower(): row[1] for rows in tables(CONFIGURATION, "## Settings") for row in rows}


def test_settings_tables_have_exactly_the_settings():
    rows = [row[0].strip("`") for rows in tables(CONFIGURATION, "## Settings") for row in rows]
    assert sorted(rows) == sorted(name.upper() for name in Settings.model_fields)


def test_settings_tables_have_the_defaults(tmp_path):
    said, in_use = settings_rows(), load({}, instance_path=tmp_path)
    wrong = [name for name in Settings.model_fields if not says_default(said[name], name, getattr(in_use, name))]
    assert wrong == []


def says_default(said: str, name: str, in_use: Any) -> bool:
    declared = Settings.model_fields[name].default
    if name == "instance_path":
        return said == f"`{declared.relative_to(ROOT)}`"
    if declared in ("", [], None) and not in_use:
        return said == "–"
    if declared == in_use:
        return said == f"`{str(declared).lower() if isinstance(declared, bool) else declared}`"
    return bool(re.match(r"[A-Za-z]", said))  # computed at start, or generated: the table says it in words


@pytest.mark.parametrize(
    ("page", "heading"), [("configuration.md", "## Renamed settings"), ("upgrading.md", "### Settings")]
)
def test_renamed_settings_are_listed(page, heading):
    assert {old.strip("`"): new.strip("`") for old, new in table(ROOT / "docs" / page, heading)} == RENAMED


def error_classes(kind: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Every error class that a client or an operator may see."""
    if issubclass(kind, tuple(STATUS)) and kind.__module__.startswith("app."):
        yield kind
    for child in kind.__subclasses__():
        yield from error_classes(child)


def codes(heading: str) -> set[tuple[str, str]]:
    """The codes and their status in the table under a heading."""
    return {(code.strip("`"), status) for code, status, _ in table(API, heading)}


def test_code_tables_have_every_error_with_its_status():
    there = {(error.code, str(int(status_of(error)))) for error in error_classes()}
    assert codes("## Codes") | codes("### Codes that no route answers with") == there


def test_member_code_table_is_complete():
    assert [code.strip("`") for code, _ in table(API, "### Codes of members")] == [*CODES]


def test_codes_are_in_the_right_table():
    answered = {error.code for _, _, contract in ROUTES for error in errors_of(contract)}
    assert {code for code, _ in codes("### Codes that no route answers with")} & answered == set()
    assert answered <= {code for code, _ in codes("## Codes")}


def test_http_codes_are_status_titles():
    for code, status in codes("### Codes of HTTP itself"):
        known = title_of(HTTPStatus(int(status))).lower().replace(" ", "_")
        assert code == ("internal_error" if status == "500" else known)


def default_of(limit):
    if limit is None:
        return ""
    rate = Settings.model_fields[f"ratelimit_{limit.name}"].default
    return f"{rate}, shared" if limit.scope else rate


def test_route_table_is_the_url_map():
    rows = table(API, "## Routes")
    said = {
        (route.strip("`"), who, gives.split()[0], limit.replace(" a ", " per ")) for route, who, _, gives, limit in rows
    }
    there = {
        (
            f"{method} {re.sub(f'{SOMEBODY}|{SOMETHING}', '{id}', path)}",
            WHO[type(contract.who).__name__],
            str(contract.status),
            default_of(contract.limit),
        )
        for method, path, contract in ROUTES
    }
    assert said == there


def test_sequence_picture_shows_the_readme_diagram():
    (source,) = fenced(README.read_text(), "mermaid")
    texts = re.findall(r"^ +(?:participant \w+ as|[^:\n]+:) (.+)$", source, re.MULTILINE)
    picture = re.sub(r"<[^>]+>", " ", (ROOT / "docs/images/sign-in.svg").read_text())
    assert len(texts) > 8
    assert [text for text in texts if " ".join(text.split()) not in " ".join(picture.split())] == []


def test_images_are_small_and_shown():
    images = sorted((ROOT / "docs/images").iterdir())
    text = "".join(page.read_text() for page in PAGES)
    assert [image.name for image in images if image.stat().st_size > 200_000] == []
    assert [image.name for image in images if f"images/{image.name})" not in text] == []


def tour_script(page: Path, heading: str, port: int) -> str:
    """The commands of a tour, as one script that says where each block begins."""
    blocks = fenced(section(page, heading), "bash")
    return "\n".join(f"echo '@@@'\n{block}" for block in blocks).replace(BASE, f"http://localhost:{port}")


def alike(printed: str) -> str:
    """The text without what differs from run to run: ids, times, tokens, ports."""
    for pattern, word in (
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"ann\.\d+@", "ann@"),
        (r"eyJ[\w.…-]+", "TOKEN"),
        (r"#token=[\w.…-]+", "#token=TOKEN"),
        (r'"expires_in":\d+', '"expires_in":SECONDS'),
        (r"localhost:\d+", "localhost"),
    ):
        printed = re.sub(pattern, word, printed)
    return printed.strip()


@pytest.fixture
def started(tmp_path):
    """The port of a service that `python run.py` started with development settings."""
    port, mail_port = unused_port(), unused_port()
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
    """Return as soon as the service answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the service did not start: {log.read_text()}")


def test_started_service_seals_events(started, tmp_path):
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
@pytest.mark.parametrize(
    ("page", "heading"),
    [
        (README, "## A five-minute tour"),
        pytest.param(ROOT / "docs/second-factor.md", "## Try it", marks=in_ci),
        pytest.param(ROOT / "docs/sign-in-with-email.md", "## Try it", marks=in_ci),
    ],
)
def test_a_tour_prints_what_its_page_shows(started, page, heading):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # python3, wherever it is called otherwise
    run = subprocess.run(
        ["bash", "-euc", tour_script(page, heading, started)],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    shown = fenced(section(page, heading), "text")
    assert list(map(alike, run.stdout.split("@@@")[1:])) == list(map(alike, shown))
