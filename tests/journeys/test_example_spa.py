"""The example app of docs/examples/spa, built by Vite from the client in this repository, in Chromium."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clients.install import NPM
from tests.conftest import lacking
from tests.journeys.conftest import in_one_process
from tests.support.api import ANN, NEW, PASSWORD, sql
from tests.support.profile import in_ci
from tests.support.servers import ROOT

pytestmark = [in_one_process, in_ci]
IGNORED = shutil.ignore_patterns("node_modules", "dist")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line in the log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        return


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, listener: Any) -> Path:
    """The built app, which calls the service at the port of the tests."""
    if not shutil.which("npm"):
        lacking("npm; install Node 20 or newer")
    root = tmp_path_factory.mktemp("spa")
    for part in ("clients/js", "docs/examples/spa"):
        shutil.copytree(ROOT / part, root / part, ignore=IGNORED)
    folder = root / "docs/examples/spa"
    environ = os.environ | {"VITE_LATCHKEY_URL": f"http://localhost:{listener.getsockname()[1]}"}
    for command in (NPM, ("npx", "--no-install", "vite", "build", "--logLevel", "error")):
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


@pytest.fixture(scope="session")
def origin(built: Path) -> Iterator[str]:
    """The origin at which the app is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(built)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(settings: Any, origin: str) -> Any:
    return settings.model_copy(update={"cors_origins": [origin], "reset_password_url": f"{origin}/#token={{token}}"})


@pytest.fixture
def context(chromium: Any, live_server: str, origin: str) -> Iterator[Any]:
    context = chromium.new_context(base_url=origin)
    yield context
    context.close()


@pytest.fixture
def page(context: Any) -> Any:
    """A tab of somebody who has signed up in the app."""
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Email address").fill(ANN["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create an account").click()
    see(page, f"Hello, {ANN['email']}")
    return page


def see(page: Any, heading: str) -> None:
    page.get_by_role("heading", name=heading).wait_for()


def test_two_tabs_follow_each_other(context: Any, page: Any) -> None:
    second = context.new_page()
    second.goto("/")
    see(second, f"Hello, {ANN['email']}")
    second.get_by_label("First name").fill("Ann")
    second.get_by_role("button", name="Save").click()
    see(page, "Hello, Ann")
    page.get_by_role("button", name="Sign out").click()
    see(second, "Notes")
    second.get_by_label("Email address").fill(ANN["email"])
    second.get_by_label("Password").fill(PASSWORD)
    second.get_by_role("button", name="Sign in").click()
    see(page, "Hello, Ann")


def test_app_survives_a_reload_in_mid_refresh_and_no_network(context: Any, page: Any) -> None:
    page.evaluate("localStorage.latchkey = JSON.stringify({ ...JSON.parse(localStorage.latchkey), ends: 0 })")
    page.route("**/auth/refresh", lambda route: (route.fetch(), route.abort()))  # reloaded before the answer came
    page.goto("about:blank")
    page.goto("/")
    page.get_by_role("alert").wait_for()
    page.unroute("**/auth/refresh")
    page.reload()
    see(page, f"Hello, {ANN['email']}")
    context.set_offline(True)
    page.get_by_label("First name").fill("Ann")
    context.set_offline(False)
    page.get_by_role("button", name="Save").click()
    see(page, "Hello, Ann")


def test_sign_out_elsewhere_ends_the_session_here(page: Any, app: Any) -> None:
    sql(app, "UPDATE sessions SET revoked_at = created_at")
    page.get_by_role("button", name="Save").click()
    see(page, "Notes")


def test_password_is_reset_by_the_link_to_the_app(page: Any, mailbox: Any) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email address").fill(ANN["email"])
    page.get_by_role("button", name="Send me an email").click()
    page.get_by_role("status").wait_for()
    [message] = [one for one in mailbox.wait_for(2) if "#token=" in one.text and "password" in one.subject.lower()]
    page.goto(next(word for word in message.text.split() if "#token=" in word))
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Email address").fill(ANN["email"])
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    see(page, f"Hello, {ANN['email']}")
