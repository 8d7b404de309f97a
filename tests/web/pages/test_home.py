"""The front page."""

import pytest


def test_the_front_page_leads_to_what_there_is(browser):
    page = browser.get("/").text
    for path in ("/docs", "/dev/mailbox", "/.well-known/jwks.json", "/openapi.json", "/healthz"):
        assert f'href="{path}"' in page


def test_production_has_no_mailbox(build):
    browser = build(production=True).test_client()
    assert "/dev/mailbox" not in browser.get("/").text
    assert browser.get("/dev/mailbox").status_code == 404


def test_every_static_file_that_a_page_names_exists(browser):
    for path in ("/", "/reset-password", "/reset-password/code", "/not-me", "/dev/mailbox"):
        for part in browser.get(path).text.split('"/static/')[1:]:
            with browser.get("/static/" + part.partition('"')[0]) as file:
                assert file.status_code == 200


def test_change_password_leads_to_the_page_of_the_account(client):
    answer = client.get("/.well-known/change-password")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/password")
    assert client.get(answer.headers["Location"], follow_redirects=True).status_code == 200
    assert client.get("/forgot-password").headers["Location"] == "/reset-password/request"
    assert (
        client.get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").status_code == 404
    )


@pytest.mark.settings(public_url="https://example.com/auth")
def test_change_password_stays_under_the_path(client):
    answer = client.get("/auth/.well-known/change-password")
    assert answer.headers["Location"] == "/auth/account/password"


@pytest.mark.settings(change_password_url="https://app.example.com/settings#password")
def test_change_password_leads_to_the_page_of_the_app(client):
    answer = client.get("/.well-known/change-password?x=//evil.example", headers={"Host": "localhost"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://app.example.com/settings#password")
