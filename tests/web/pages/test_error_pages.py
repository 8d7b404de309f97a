"""Whatever goes wrong under a page, a person gets a page."""

import pytest
from werkzeug.exceptions import Gone

from app.core.errors import NotFound


def is_page(answer, status):
    return (answer.status_code, answer.mimetype) == (status, "text/html") and "<h1>" in answer.text


@pytest.fixture
def hurt(flow, reset):
    """Makes every act behind the pages end with this exception."""

    def every_act(error):
        flow.refusal = reset.refusal = error

    return every_act


POSTS = [
    ("/not-me", {"token": "live"}),
    ("/verify-email", {"token": "live", "act": "confirm"}),
    ("/reset-password", {"token": "live", "password": "a new horse battery"}),
    ("/reset-password/code", {"email": "a@example.com", "code": "WDJB-MJHT", "password": "a new horse battery"}),
    ("/reset-password/request", {"email": "a@example.com"}),
]


@pytest.mark.parametrize(("path", "form"), POSTS)
def test_a_mistake_of_ours_is_a_page_and_noted(browser, hurt, caplog, path, form):
    hurt(RuntimeError("the secret of the house"))
    answer = browser.post(path, data=form)
    assert is_page(answer, 500)
    assert "Something went wrong" in answer.text
    assert "secret" not in answer.text
    assert "the secret of the house" in caplog.text


def test_a_mistake_says_nothing_about_whether_the_link_was_used(browser, hurt):
    hurt(RuntimeError())
    answer = browser.post("/not-me", data={"token": "live", "act": "confirm"})
    assert "not used up" not in answer.text
    assert "live" not in answer.text


@pytest.mark.parametrize(("path", "form"), POSTS)
def test_an_error_of_http_is_a_page(browser, hurt, path, form):
    hurt(Gone("It is no more."))
    answer = browser.post(path, data=form)
    assert is_page(answer, 410)
    assert "It is no more." in answer.text


@pytest.mark.parametrize(("path", "form"), POSTS)
def test_an_unexpected_refusal_is_a_page(browser, hurt, path, form):
    hurt(NotFound("No such door."))
    answer = browser.post(path, data=form)
    assert is_page(answer, 404)
    assert "No such door." in answer.text


@pytest.mark.parametrize(("path", "form"), POSTS)
def test_too_much_text_is_a_page_with_a_way_back(browser, path, form):
    answer = browser.post(path, data=form | {"more": "x" * 70_000})
    assert is_page(answer, 413)
    assert f'href="{path}"' in answer.text


def test_rate_limit_page_is_shown_for_too_large_bodies(build):
    browser = build(limited=True).test_client()
    answers = [browser.post("/not-me", data={"token": "x" * 70_000}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [413] * 20 + [429]
    assert is_page(answers[-1], 429)


@pytest.mark.parametrize("path", ["/not-me", "/reset-password"])
def test_rate_limit_page_keeps_the_link_and_retry_time(build, path):
    browser = build(limited=True).test_client()
    answers = [browser.post(path, data={"token": "live"}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert f'<form method="post" action="{path}">' in answers[-1].text
    assert 'name="token" value="live"' in answers[-1].text


def test_too_often_without_a_link_leads_back_to_the_form(build):
    browser = build(limited=True).test_client()
    answers = [browser.post("/reset-password/code", data={"email": "a@example.com"}) for _ in range(21)]
    assert is_page(answers[-1], 429)
    assert 'href="/reset-password/code"' in answers[-1].text
