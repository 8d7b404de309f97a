"""The pages with the one button: confirm an address, confirm a new one, take the old one back, "this was not me"."""

import pytest

from app.core.errors import Conflict, Forbidden, Invalid, RateLimited, Unavailable
from app.web.pages.confirmations import CONFIRMATIONS
from app.web.pages.emailed_links import token_in


class LinkExpired(Invalid):
    code = "link_expired"


class LinkUsed(Invalid):
    code = "link_used"


class LinkInvalid(Invalid):
    code = "link_invalid"


class EmailTaken(Conflict):
    code = "email_taken"


PATHS = [f"/{kind}" for kind in CONFIRMATIONS]
CHECK = dict.fromkeys(PATHS, "check") | {"/undo-email-change": "check_undo", "/undo-second-factor": "check_undo"}
USE = dict.fromkeys(PATHS, "confirm") | {
    "/undo-email-change": "undo", "/undo-second-factor": "undo", "/not-me": "secure",
}  # fmt: skip
each_page = pytest.mark.parametrize("path", PATHS)


def press(browser, path, **changes):
    return browser.post(path, data={"token": "live", "act": "confirm"} | changes)


def test_every_email_with_a_button_has_a_page():
    assert PATHS == ["/verify-email", "/confirm-email", "/undo-email-change", "/undo-second-factor", "/not-me"]


@each_page
def test_viewing_a_page_calls_no_flow(browser, flow, path):
    for method in ("GET", "HEAD", "OPTIONS"):
        assert browser.open(path, method=method).status_code == 200
        assert browser.open(path, method=method, query_string={"token": "live", "act": "confirm"}).status_code == 200
    assert flow.asked == []


@each_page
def test_without_scripts_the_link_can_be_pasted(browser, path):
    page = browser.get(path).text
    assert "<noscript>" in page
    assert f'<form method="post" action="{path}">' in page
    assert '<input id="token" name="token" type="text" required' in page


@each_page
def test_the_token_alone_is_only_looked_at(browser, flow, path):
    for _ in range(3):
        answer = browser.post(path, data={"token": f"https://id.example{path}#token=live"})
    assert (answer.status_code, flow.asked) == (200, [(CHECK[path], "live")] * 3)


@each_page
def test_the_page_says_what_its_buttons_do(browser, path):
    page, texts = browser.post(path, data={"token": "live"}).text, CONFIRMATIONS[path[1:]]
    assert texts.prompt in page
    assert page.count("<button") == (2 if texts.alternative else 1)
    assert not texts.alternative or f">{texts.alternative.button}</button>" in page
    assert f">{texts.button}</button>" in page
    assert '<input type="hidden" name="token" value="live">' in page
    assert '<input type="hidden" name="act" value="confirm">' in page


@each_page
def test_the_button_does_it_and_the_page_says_what_happened(browser, flow, path):
    answer = press(browser, path)
    assert (answer.status_code, flow.asked) == (200, [(USE[path], "live")])
    assert f"</span>{CONFIRMATIONS[path[1:]].done}</h1>" in answer.text
    assert CONFIRMATIONS[path[1:]].done_text in answer.text
    assert "live" not in answer.text


@pytest.mark.parametrize("act", ["", "CONFIRM", "check", "confirm "])
def test_only_the_word_on_the_button_counts(browser, flow, act):
    browser.post("/verify-email", data={"token": "live", "act": act})
    assert flow.asked == [("check", "live")]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/verify-email", "Your email address is confirmed"),
        ("/confirm-email", "No device was signed out"),
        ("/undo-email-change", "we have sent you an email with a link to set a new password"),
        ("/not-me", "we have sent you an email with a link to set a new password"),
    ],
)
def test_afterwards_one_knows_what_to_do_next(browser, path, words):
    assert words in press(browser, path).text


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(LinkExpired(), "has expired"), (LinkUsed(), "already used"), (LinkInvalid(), "does not work")],
)
@pytest.mark.parametrize("form", [{"token": "dead"}, {"token": "dead", "act": "confirm"}])
@each_page
def test_dead_link_says_why_and_has_no_button(browser, flow, path, form, refusal, words):
    flow.refusal = refusal
    answer = browser.post(path, data=form)
    assert answer.status_code == 400
    assert words in answer.text
    assert 'name="act"' not in answer.text


@each_page
def test_a_dead_link_says_what_to_do_instead(browser, flow, path):
    texts = CONFIRMATIONS[path[1:]]
    for flow.refusal, way_out in ((LinkUsed(), texts.used), (LinkExpired(), texts.retry_hint)):
        assert way_out in browser.post(path, data={"token": "dead"}).text
    flow.refusal = LinkInvalid()
    assert 'id="token"' in browser.post(path, data={"token": "broken"}).text


@pytest.mark.parametrize("path", ["/undo-email-change", "/undo-second-factor", "/not-me"])
def test_alarming_pages_link_to_the_password_reset(browser, flow, path):
    assert 'href="/reset-password/request"' in press(browser, path).text
    flow.refusal = LinkUsed()
    assert 'href="/reset-password/request"' in press(browser, path).text


def test_a_new_address_that_was_taken_meanwhile_is_a_conflict(browser, flow):
    flow.refusal = EmailTaken()
    answer = press(browser, "/confirm-email")
    assert answer.status_code == 409
    assert "This email address is taken" in answer.text


def test_any_other_refusal_is_told_in_its_own_words(browser, flow):
    flow.refusal = Forbidden("Not on a Sunday.")
    answer = press(browser, "/not-me")
    assert answer.status_code == 403
    assert "Not on a Sunday." in answer.text


@pytest.mark.parametrize(("refusal", "status"), [(Unavailable(retry_after=7), 503), (RateLimited(retry_after=7), 429)])
@pytest.mark.parametrize("form", [{"token": "live"}, {"token": "live", "act": "confirm"}])
def test_a_busy_service_keeps_the_link_for_another_try(browser, flow, refusal, status, form):
    flow.refusal = refusal
    answer = browser.post("/not-me", data=form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert '<form method="post" action="/not-me">' in answer.text
    assert 'name="token" value="live"' in answer.text
    assert "about 7 seconds" in answer.text


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": " \r\n"}, {"act": "confirm"}])
def test_a_blank_link_is_asked_for_again(browser, flow, form):
    answer = browser.post("/confirm-email", data=form)
    assert answer.status_code == 400
    assert "Paste the link" in answer.text
    assert flow.asked == []


@pytest.mark.parametrize(("length", "status"), [(2_001, 400), (70_000, 413)])
def test_too_long_token_is_rejected_before_the_facade(browser, flow, length, status):
    answer = press(browser, "/verify-email", token="x" * length)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert flow.asked == []


@pytest.mark.parametrize("token", ["\x00", "é" * 50, "\ud800".encode("utf-8", "surrogatepass"), "'><script>"])
def test_strange_tokens_are_passed_on_escaped(browser, token):
    answer = browser.post("/not-me", data={"token": token})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "pasted",
    [
        "abc.d-e_f",
        " abc.d-e_f\n",
        "https://id.example/reset-password#token=abc.d-e_f",
        "<https://id.example/reset-password#token=abc.\r\n d-e_f>",
        "#token=abc.d-e_f&lang=en",
    ],
)
def test_token_is_found_in_any_pasted_part_of_a_link(pasted):
    assert token_in(pasted) == "abc.d-e_f"


SIGN_IN = 'href="https://app.example/sign-in"'


@pytest.mark.parametrize("path", ["/verify-email", "/confirm-email"])
@pytest.mark.parametrize("refusal", [None, LinkUsed(), LinkExpired(), EmailTaken()])
def test_pages_that_lead_to_the_app_link_it(build, flow, path, refusal):
    app, flow.refusal = build(), refusal
    assert "Go to your app" not in press(app.test_client(), path).text
    app.extensions["latchkey_settings"].sign_in_url = "https://app.example/sign-in"
    assert SIGN_IN in press(app.test_client(), path).text


@pytest.mark.parametrize("path", ["/undo-email-change", "/undo-second-factor", "/not-me"])
def test_pages_about_danger_link_no_app(build, path):
    app = build()
    app.extensions["latchkey_settings"].sign_in_url = "https://app.example/sign-in"
    assert SIGN_IN not in press(app.test_client(), path).text
