"""The developer's road in a real browser: from `python run.py` to a password that was forgotten and replaced."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.journeys.conftest import in_two_processes
from tests.support.ports import unused_port
from tests.support.profile import in_ci
from tests.support.servers import ROOT

OLD, NEW = "correct horse battery", "another staple entirely"
PAGES = ("/", "/dev/mailbox", "/dev/mailbox/none", "/reset-password", "/reset-password/request", "/reset-password/code")
NARROW = {"width": 320, "height": 640}

# A page that turns somebody down says so in its status too, which the browser notes on its console.
REFUSED = "Failed to load resource: the server responded with a status of 4"

PAINT = """() => {
  const style = getComputedStyle(document.body), light = (color) => Math.max(...color.match(/\\d+/g).map(Number));
  return light(style.backgroundColor) > light(style.color) ? "light" : "dark";
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def visit(browser: Any, origin: str, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of a new browser profile, and the addresses that it and its tabs ask for.

    At the end they must have asked nothing of another host, and complained of nothing: no error, no broken policy.
    """
    asked: list[str] = []
    complaints: list[str] = []

    def hear(message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED):
            complaints.append(f"{message.text} at {message.location}")

    context = browser.new_context(base_url=origin, **options)
    context.on("request", lambda sent: asked.append(sent.url))
    context.on("console", hear)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context.new_page(), asked
    context.close()
    assert [url for url in asked if not url.startswith((origin + "/", "data:"))] == []
    assert complaints == []


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of `python run.py`, started by somebody who sets nothing but where it may listen and write."""
    port = unused_port()
    with running(tmp_path_factory.mktemp("service"), PORT=str(port)):
        yield f"http://localhost:{port}"


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[None]:
    """`python run.py` with these settings, until the end of the block."""
    settings |= {"MAIL_PORT": str(unused_port()), "INSTANCE_PATH": str(folder), "BCRYPT_ROUNDS": "4"}
    child = subprocess.Popen(
        [sys.executable, ROOT / "run.py"],
        cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        printed = []
        for line in child.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("run.py ended:\n" + "".join(printed))
        reader = Thread(target=child.stdout.read)  # a full pipe would hold the service up
        reader.start()
        yield
        child.terminate()
        reader.join()


def sign_up(page: Any, email: str) -> None:
    answer = page.request.post("/api/v1/auth/signup", data={"email": email, "password": OLD})
    assert answer.status == 201, answer.text()


def sign_in(page: Any, email: str, password: str) -> int:
    """The status of the answer."""
    return int(page.request.post("/api/v1/auth/login", data={"email": email, "password": password}).status)


def forget_password(page: Any, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Reset a password").click()
    page.get_by_label("Your email address").fill(email)
    page.get_by_role("button", name="Send").click()
    see(page, "Check your mailbox")


def open_email(page: Any, email: str) -> str:
    """Wait for the email on the mailbox page, open it and give the link in it."""
    page.goto("/dev/mailbox")
    page.get_by_role("link", name=f"Choose a new password {email}").click()
    return str(page.get_by_role("link", name="/reset-password#token=").inner_text())


def follow(page: Any, link: Any) -> Any:
    """The tab that a click on `link` opens."""
    with page.expect_popup() as opened:
        link.click()
    return opened.value


def choose_password(page: Any, password: str = NEW) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Change password").click()


def see(page: Any, heading: str) -> None:
    page.get_by_role("heading", name=heading, level=1).wait_for()


def test_a_forgotten_password_is_replaced_by_way_of_the_mailbox(chromium, service):
    email = "ann@example.com"
    with visit(chromium, service) as (page, asked):
        sign_up(page, email)
        forget_password(page, email)
        token = open_email(page, email).partition("#token=")[2]
        tab = follow(page, page.get_by_role("link", name="#token="))
        see(tab, "Choose a new password")
        assert tab.url == f"{service}/reset-password"
        choose_password(tab)
        see(tab, "Your password has been changed")
        assert [sign_in(tab, email, password) for password in (NEW, OLD)] == [200, 401]
        assert [url for url in asked if token in url] == []


@in_ci
def test_used_link_is_reported_in_an_open_form_too(chromium, service):
    email = "bea@example.com"
    with visit(chromium, service) as (page, _):
        sign_up(page, email)
        forget_password(page, email)
        link = open_email(page, email)
        first = follow(page, page.frame_locator("iframe").get_by_role("link", name="Choose a new password"))
        second = follow(page, page.get_by_role("link", name="#token="))
        choose_password(first)
        see(first, "Your password has been changed")
        choose_password(second, "a third one, too late")
        see(second, "This link was already used")
        first.goto(link)
        see(first, "This link was already used")
        assert sign_in(page, email, NEW) == 200


def test_every_page_fits_a_narrow_screen_in_both_themes(chromium, service):
    email = "cat@example.com"
    seen: dict[str, list[object]] = {}
    with visit(chromium, service, viewport=NARROW) as (page, _):

        def look(name: str) -> None:
            page.wait_for_load_state()  # before it, the style sheet may be missing
            seen[name] = [page.evaluate(OVERFLOW)]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_function(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
                seen[name].append(page.evaluate(PAINT))

        sign_up(page, email)
        forget_password(page, email)
        look("requested")
        link = open_email(page, email)
        look("email")
        for path in PAGES:
            page.goto(path)
            look(path)
        page.goto(link)
        see(page, "Choose a new password")
        look("new password")
        choose_password(page)
        see(page, "Your password has been changed")
        look("changed")
        page.goto(link)
        see(page, "This link was already used")
        look("dead link")
    assert {name: found for name, found in seen.items() if found != [0, "light", "dark"]} == {}


def reset_email(mailbox: Any, number: int = 1) -> Any:
    """The email about the n-th reset of the one account there is; the first email of all bids it welcome."""
    email = mailbox.wait_for(number + 1)[number]
    assert "/reset-password#" in email.link
    return email


@in_two_processes
def test_expired_link_is_reported_and_a_new_one_offered(chromium, live_server, mailbox, clock):
    with visit(chromium, live_server) as (page, _):
        sign_up(page, "dan@example.com")
        forget_password(page, "dan@example.com")
        link = reset_email(mailbox).link
        clock.advance(hours=1)
        page.goto(link)
        see(page, "This link has expired")
        page.get_by_label("Your email address").fill("dan@example.com")
        page.get_by_role("button", name="Send").click()
        see(page, "Check your mailbox")
        page.goto(reset_email(mailbox, 2).link)
        choose_password(page)
        see(page, "Your password has been changed")


@in_two_processes
def test_without_scripts_the_link_is_pasted(chromium, live_server, mailbox):
    with visit(chromium, live_server, java_script_enabled=False) as (page, _):
        sign_up(page, "eva@example.com")
        forget_password(page, "eva@example.com")
        link = reset_email(mailbox).link
        page.goto(link)
        page.get_by_label("Link or code from the email").fill(link)
        page.get_by_role("button", name="Continue").click()
        choose_password(page)
        see(page, "Your password has been changed")
        assert sign_in(page, "eva@example.com", NEW) == 200


@in_two_processes
def test_token_is_never_sent_in_a_url_or_header(chromium, live_server, site, mailbox):
    with visit(chromium, live_server) as (page, _):
        sign_up(page, "fay@example.com")
        forget_password(page, "fay@example.com")
        email = reset_email(mailbox)
        page.goto(email.link)
        choose_password(page, "short")
        choose_password(page)
        see(page, "Your password has been changed")
        page.get_by_role("link", name="Latchkey").click()
        see(page, "Latchkey")
    met = [f"{request.url} {request.headers}" for request in site.requests]
    assert len(met) > 10
    assert [entry for entry in met if email.token in entry or "Referer" in entry] == []
