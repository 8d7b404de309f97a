"""Names of devices: words that people know, and nothing that a mail program would link."""

import pytest

from app.domain.sessions.devices import UNKNOWN, device_name
from tests.support.hostile_texts import LINKED, TEXTS

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Safari/537.36"


def phone(model: str) -> str:
    """The user agent of Chrome on a phone of this model."""
    return f"Mozilla/5.0 (Linux; Android 13; {model}) {WEBKIT} Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Windows"), (phone("SM-G991B"), "Chrome Mobile on Samsung SM-G991B"),
        ("okhttp/4.9.1", "okhttp"), ("OurApp/2.3 build 7", "OurApp"), ("curl/8.5.0", "curl"), ("Probe", "Probe"),
        ("", UNKNOWN), (None, UNKNOWN), ("evil.example", UNKNOWN), ("https://evil.example", UNKNOWN),
        ("com.example.app/1", UNKNOWN), ("+18005550199", UNKNOWN), ("/", UNKNOWN), ("💥", UNKNOWN),
        (phone("www.evil.example Build/X"), "Chrome Mobile on www evil example"),
    ],
)  # fmt: skip
def test_a_device_is_named_by_plain_words(user_agent, name):
    assert device_name(user_agent) == name


@pytest.mark.parametrize("text", TEXTS)
def test_no_name_holds_what_a_mail_program_links(text):
    for user_agent in (text, phone(text), f"{text}/1 CFNetwork/1408.0.4 Darwin/22.5.0", f"{text} bot/1.0"):
        name = device_name(user_agent)
        assert not LINKED.search(name), name
        assert len(name) <= 90
