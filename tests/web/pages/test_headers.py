"""What every answer tells the browser."""

import re

import pytest
from flask import Response

from app.web.headers import API_POLICY, PAGE_POLICY

PAGES = [
    "/", "/reset-password", "/reset-password/code", "/reset-password/request", "/verify-email", "/not-me",
    "/dev/mailbox", "/dev/mailbox/1",
]  # fmt: skip


@pytest.mark.parametrize("path", [*PAGES, "/dev/mailbox.json", "/static/latchkey.css", "/nowhere"])
def test_no_answer_is_sniffed_or_named_to_others(browser, path):
    answer = browser.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in answer.headers
    answer.close()


def test_pages_and_api_have_different_content_security_policies(browser):
    page, data = browser.get("/"), browser.get("/dev/mailbox.json")
    assert page.headers["Content-Security-Policy"] == PAGE_POLICY
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert data.headers["Content-Security-Policy"] == API_POLICY
    assert "Cross-Origin-Opener-Policy" not in data.headers


def test_nothing_is_stored_but_static_files(browser):
    assert browser.get("/").headers["Cache-Control"] == "no-store"
    assert browser.get("/nowhere").headers["Cache-Control"] == "no-store"
    with browser.get("/static/latchkey.css") as static:
        assert static.headers["Cache-Control"] == "no-cache"


def test_what_a_view_set_stays(build):
    app = build()
    own = {"Content-Security-Policy": "sandbox", "Cache-Control": "max-age=60", "Referrer-Policy": "origin"}
    app.add_url_rule("/own", view_func=lambda: Response("own", headers=own))
    assert own.items() <= dict(app.test_client().get("/own").headers).items()


def test_production_insists_on_https(build):
    answer = build(production=True).test_client().get("/")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_what_its_policy_forbids(browser, emails, path):
    emails.add()
    page = browser.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"""(?:src|action)=["']?(?:https?:)?//""", page)
