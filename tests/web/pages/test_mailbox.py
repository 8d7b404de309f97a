"""The mailbox of a developer's machine."""

from datetime import UTC, datetime, timedelta

import pytest

from app.web.pages.mailbox import ago

LINK = "http://localhost:8000/reset-password#token=a.b-c_d"


def test_messages_are_listed_newest_first_with_their_age(browser, emails):
    emails.add(subject="The older", age=200)
    emails.add(subject="The newer", age=3)
    page = browser.get("/dev/mailbox").text
    assert page.index("The newer") < page.index("The older")
    assert "3 seconds ago" in page
    assert "3 minutes ago" in page
    assert "ann@example.com" in page


def test_an_empty_mailbox_says_how_to_fill_it(browser):
    assert "No emails yet" in browser.get("/dev/mailbox").text


def test_page_without_a_console_names_the_mail_server(build):
    browser = build(mailbox=None).test_client()
    assert "mail.test:2525" in browser.get("/dev/mailbox").text
    assert browser.get("/dev/mailbox.json").json == {"messages": []}
    assert browser.get("/dev/mailbox/1").status_code == 404
    assert browser.get("/dev/mailbox/1/html").status_code == 404


def test_messages_are_available_as_json(browser, emails):
    emails.add(text=f"Open {LINK}.", subject="Choose a new password")
    (email,) = browser.get("/dev/mailbox.json").json["messages"]
    assert datetime.fromisoformat(email.pop("received_at")).tzinfo
    assert email == {
        "id": "1", "to": "ann@example.com", "subject": "Choose a new password",
        "text": f"Open {LINK}.", "links": [LINK],
    }  # fmt: skip


def test_message_is_shown_with_its_link_and_text(browser, emails):
    emails.add(text=f"Open\r\n{LINK}\r\n<b>now</b>")
    page = browser.get("/dev/mailbox/1").text
    assert f'href="{LINK}"' in page
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_message_without_html_has_no_frame(browser, emails):
    emails.add(html="")
    assert "<iframe" not in browser.get("/dev/mailbox/1").text
    assert browser.get("/dev/mailbox/1/html").status_code == 404


def test_html_of_a_message_is_sandboxed(browser, emails):
    emails.add(html="<html><head></head><body>Hi</body></html>")
    answer = browser.get("/dev/mailbox/1/html")
    assert answer.text == '<html><head><base target="_blank"></head><body>Hi</body></html>'
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
    )


def test_unknown_message_is_a_404_page(browser):
    answer = browser.get("/dev/mailbox/7")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("text", "links"),
    [
        (f"Open {LINK}, please. Again: {LINK}!", [LINK]),
        (f"({LINK})", [LINK]),
        ("Latchkey, http://localhost:8000", []),
        ("Latchkey, http://localhost", []),
        ("javascript:alert(1) data:text/html,x vbscript:x ftp://a/b file:///etc/passwd otherapp://reset?token=x", []),
        ("Open myapp://reset?token=a.b-c_d. Device: myapp://other", ["myapp://reset?token=a.b-c_d"]),
        ("javascript:myapp://reset?token=x", []),
        ("https://a.test/1 https://b.test/2", ["https://a.test/1", "https://b.test/2"]),
    ],
)
def test_links_are_found_once_and_without_punctuation(browser, emails, text, links):
    emails.add(text=text)
    assert browser.get("/dev/mailbox.json").json["messages"][0]["links"] == links


def test_a_link_into_an_app_can_be_opened(browser, emails):
    emails.add(text="Open\nmyapp://reset?token=abc\n<javascript:alert(1)>")
    page = browser.get("/dev/mailbox/1").text
    assert '<a id="link-1" href="myapp://reset?token=abc">' in page
    assert page.count('id="link-') == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (0, "just now"), (1, "1 second ago"), (59, "59 seconds ago"), (60, "1 minute ago"),
     (7_300, "2 hours ago"), (200_000, "2 days ago")],
)  # fmt: skip
def test_an_age_is_told_in_words(seconds, words):
    assert ago(datetime.now(UTC) - timedelta(seconds=seconds)) == words
