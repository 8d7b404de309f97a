"""The pages that a reset link opens."""

import pytest

from app.core.errors import Forbidden, Invalid, RateLimited, Unavailable
from app.web.pages.typed import code_in


class LinkExpired(Invalid):
    code = "link_expired"


class LinkUsed(Invalid):
    code = "link_used"


class LinkInvalid(Invalid):
    code = "link_invalid"


class PasswordTooShort(Invalid):
    code = "password_too_short"
    detail = "That is a short one."
    field = "password"


class InvalidEmail(Invalid):
    detail = "That is no address."
    field = "email"


class CodeInvalid(Invalid):
    code = "code_invalid"
    detail = "That is not the code."


def use(browser, **form):
    return browser.post("/reset-password", data=form)


def test_opening_the_page_calls_no_flow(browser, reset):
    for _ in range(5):
        assert browser.get("/reset-password").status_code == 200
        assert browser.head("/reset-password").status_code == 200
    assert reset.asked == []


def test_page_reads_the_fragment_with_its_own_script(browser):
    page = browser.get("/reset-password").text
    script = browser.get("/static/open-link.js")
    assert '<script src="/static/open-link.js">' in page
    assert "history.replaceState" in script.text
    script.close()


def test_without_scripts_the_link_can_be_pasted(browser):
    page = browser.get("/reset-password").text
    assert "<noscript>" in page
    assert 'name="token"' in page


def test_valid_link_is_checked_and_shows_the_form(browser, reset):
    answer = use(browser, token="live")
    assert (answer.status_code, reset.asked) == (200, [("check", "live")])
    assert '<input type="hidden" name="token" value="live">' in answer.text
    assert '<input id="password" name="password" type="password"' in answer.text
    assert 'autocomplete="new-password"' in answer.text
    assert 'minlength="11"' in answer.text
    assert "maxlength" not in answer.text


def test_a_new_password_is_set(browser, reset):
    answer = use(browser, token="live", password=" spaces count ")
    assert (answer.status_code, reset.asked) == (200, [("complete", "live", " spaces count ")])
    assert "Your password has been changed" in answer.text
    assert "signed out" in answer.text


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(LinkExpired(), "has expired"), (LinkUsed(), "already used"), (LinkInvalid(), "does not work")],
)
@pytest.mark.parametrize("form", [{"token": "dead"}, {"token": "dead", "password": "long enough"}])
def test_a_dead_link_says_why_and_offers_a_new_one(browser, reset, refusal, words, form):
    reset.refusal = refusal
    answer = use(browser, **form)
    assert answer.status_code == 400
    assert words in answer.text
    assert 'action="/reset-password/request"' in answer.text


def test_rejected_password_keeps_the_link_in_the_form(browser, reset):
    reset.refusal = PasswordTooShort()
    answer = use(browser, token="live", password="short")
    assert answer.status_code == 400
    assert "That is a short one." in answer.text
    assert 'name="token" value="live"' in answer.text
    assert "short" not in answer.text.replace("That is a short one.", "")


@pytest.mark.parametrize(("refusal", "status"), [(Unavailable(retry_after=7), 503), (RateLimited(retry_after=7), 429)])
@pytest.mark.parametrize("form", [{"token": "live"}, {"token": "live", "password": "long enough"}])
def test_a_busy_service_keeps_the_link_for_another_try(browser, reset, refusal, status, form):
    reset.refusal = refusal
    answer = use(browser, **form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert 'name="token" value="live"' in answer.text
    assert refusal.message in answer.text


def test_any_other_refusal_is_a_page_too(browser, reset):
    reset.refusal = Forbidden()
    assert use(browser, token="live", password="long enough").status_code == 403
    assert use(browser, token="live").status_code == 403


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": " \r\n"}, {"token": "", "password": "long enough"}])
def test_a_blank_link_is_asked_for_again(browser, reset, form):
    answer = use(browser, **form)
    assert answer.status_code == 400
    assert "Paste the link" in answer.text
    assert reset.asked == []


@pytest.mark.parametrize("form", [{"token": "x" * 2_001}, {"token": "live", "password": "x" * 1_025}])
def test_too_long_values_are_rejected_before_the_facade(browser, reset, form):
    answer = use(browser, **form)
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert reset.asked == []


@pytest.mark.parametrize("token", ["\x00", "é" * 50, "\ud800".encode("utf-8", "surrogatepass"), "'><script>"])
def test_strange_tokens_are_passed_on_escaped(browser, token):
    answer = use(browser, token=token)
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_reset_email_can_be_requested(browser, reset):
    assert 'type="email"' in browser.get("/reset-password/request").text
    answer = browser.post("/reset-password/request", data={"email": " ann@example.com "})
    assert (answer.status_code, reset.asked) == (200, [("request", "ann@example.com")])
    assert "If there is an account with this address, we have sent you an email" in answer.text


def test_a_malformed_address_is_shown_again(browser, reset):
    reset.refusal = Invalid("That is no address.")
    answer = browser.post("/reset-password/request", data={"email": '"><b>'})
    assert answer.status_code == 400
    assert "That is no address." in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;"' in answer.text


@pytest.mark.parametrize("path", ["/reset-password/request", "/reset-password/code"])
def test_too_long_address_is_rejected_before_the_facade(browser, reset, path):
    answer = browser.post(path, data={"email": "x" * 255, "code": "WDJB-MJHT", "password": "long enough"})
    assert answer.status_code == 400
    assert 'aria-describedby="email-error"' in answer.text
    assert reset.asked == []


def test_code_form_asks_for_address_and_new_password(browser):
    page = browser.get("/reset-password/code").text
    for field in ("email", "code", "password"):
        assert f'<input id="{field}" name="{field}"' in page
    assert 'autocomplete="one-time-code"' in page


def test_pages_about_emails_link_to_the_code_form(browser):
    sent = browser.post("/reset-password/request", data={"email": "ann@example.com"}).text
    assert 'action="/reset-password/code"' in sent
    assert 'name="email" value="ann@example.com"' in sent
    for path in ("/reset-password", "/reset-password/request"):
        assert 'href="/reset-password/code"' in browser.get(path).text


def test_address_without_a_code_fills_the_code_form(browser, reset):
    answer = browser.post("/reset-password/code", data={"email": "ann@example.com"})
    assert (answer.status_code, reset.asked) == (200, [])
    assert 'value="ann@example.com"' in answer.text
    assert "error" not in answer.text


def test_code_pasted_as_a_link_fills_the_code_form(browser, reset):
    answer = use(browser, token=" wdjb mjht")
    assert (answer.status_code, reset.asked) == (200, [])
    assert 'action="/reset-password/code"' in answer.text
    assert 'value="WDJB-MJHT"' in answer.text


def use_code(browser, **changes):
    form = {"email": "ann@example.com", "code": "wdjb mjht", "password": " spaces count "}
    return browser.post("/reset-password/code", data=form | changes)


def test_a_code_sets_the_new_password(browser, reset):
    answer = use_code(browser, email=" ann@example.com ")
    asked = ("complete_with_code", "ann@example.com", "WDJB-MJHT", " spaces count ")
    assert (answer.status_code, reset.asked) == (200, [asked])
    assert "Your password has been changed" in answer.text


@pytest.mark.parametrize(
    "typed", ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "w d j b – m j h t", "WDJB\u2011MJHT", "ＷＤＪＢ－ＭＪＨＴ"]
)
def test_a_code_is_understood_however_it_is_typed(typed):
    assert code_in(typed) == "WDJB-MJHT"


@pytest.mark.parametrize("typed", ["", "-", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJH7", "WDJB_MJHT", "ПАРО-ЛЬПА", "ß" * 4])
def test_malformed_code_is_rejected_before_the_facade(browser, reset, typed):
    answer = use_code(browser, code=typed)
    assert answer.status_code == 400
    assert "A code has eight letters" in answer.text
    assert reset.asked == []


@pytest.mark.parametrize(
    ("refusal", "field"),
    [(CodeInvalid(), "code"), (PasswordTooShort(), "password"), (InvalidEmail(), "email"), (Invalid("No."), "code")],
)
def test_rejected_code_is_shown_at_its_field(browser, reset, refusal, field):
    reset.refusal = refusal
    answer = use_code(browser, password="hidden from view")
    assert answer.status_code == 400
    assert f'id="{field}-error" role="alert">{refusal.message}</p>' in answer.text
    assert 'value="ann@example.com"' in answer.text
    assert 'value="WDJB-MJHT"' in answer.text
    assert "hidden from view" not in answer.text


@pytest.mark.parametrize(("refusal", "status"), [(Unavailable(retry_after=7), 503), (RateLimited(retry_after=7), 429)])
def test_a_busy_service_keeps_the_code_for_another_try(browser, reset, refusal, status):
    reset.refusal = refusal
    answer = use_code(browser)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    assert refusal.message in answer.text
    assert 'value="WDJB-MJHT"' in answer.text
    assert "aria-invalid" not in answer.text


def test_too_long_password_with_a_code_is_rejected_early(browser, reset):
    answer = use_code(browser, password="x" * 1_025)
    assert (answer.status_code, reset.asked) == (400, [])
    assert 'id="password-error"' in answer.text


@pytest.mark.parametrize("url", ["https://app.example/sign-in", "myapp://sign-in"])
def test_a_changed_password_leads_to_signing_in(build, reset, url):
    app = build()
    browser = app.test_client()
    assert "sign-in" not in use(browser, token="live", password="another staple").text
    app.extensions["latchkey_settings"].sign_in_url = url
    assert f'<a class="button" href="{url}">Sign in</a>' in use(browser, token="live", password="another staple").text
    reset.refusal = LinkUsed()
    assert f'href="{url}"' in use(browser, token="used").text
