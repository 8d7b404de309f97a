"""Text that a client chose never becomes a link in an email, in text or HTML, in any template."""

import re

import pytest

from app.core.untrusted_text import without_links
from app.domain.mail.renderer import EmailRenderer, RenderedEmail
from app.domain.mail.untrusted_values import TRUSTED, make_safe
from tests.domain.mail.test_renderer import VALUES, every_email, write
from tests.support.hostile_texts import LINKED, TEXTS, visible_text

ADDRESSES = (
    "www.evil.example/login@example.org", "ann+www.evil.example/x@example.org", "WWW.evil.example@example.org",
    "https//evil.example/@example.org", "a?b=evil.example/@example.org",
)  # fmt: skip
ZONE = "fe80::1%www.evil.example"
UNTRUSTED = {"device", "user_agent", "new_email", "ip"}


def links_in(email: RenderedEmail) -> list[str]:
    """What a mail program could link besides our own links."""
    ours = sorted({str(value) for name, value in VALUES.items() if name in TRUSTED}, key=len, reverse=True)
    found = []
    for words in (email.subject, email.text, visible_text(email.html)):
        for link in ours:
            words = words.replace(link, " ")
        found += LINKED.findall(words)
    targets = re.findall(r'(?:href|src)="([^"]*)"', email.html)
    return found + [target for target in targets if target.replace("&amp;", "&") not in ours]


@every_email
def test_untrusted_values_never_become_links_in_emails(kind: str, locale: str) -> None:
    for text in TEXTS:
        values = {"device": text, "user_agent": text, "new_email": f"{text}/", "ip": text}
        assert links_in(write(kind, locale, **values)) == [], text
    for address in ADDRESSES:
        values = {"device": None, "user_agent": address, "new_email": address, "ip": ZONE}
        assert links_in(write(kind, locale, **values)) == [], address


def test_a_link_is_found_where_there_is_one() -> None:
    assert all(LINKED.search(text) for text in (*TEXTS[:22], *ADDRESSES, ZONE))


def test_untrusted_values_are_listed_completely() -> None:
    texts = {name for name, value in VALUES.items() if isinstance(value, str)}
    # The name of a folder, and an id from the settings.
    assert texts - TRUSTED - UNTRUSTED == {"language", "provider"}


def test_unlisted_template_value_is_treated_as_untrusted() -> None:
    assert make_safe({"nickname": "www.evil.example", "days": 3}) == {"nickname": "www evil example", "days": 3}


def test_custom_templates_get_safe_values_as_well(tmp_path) -> None:
    for part in ("subject.txt", "body.txt", "body.html"):
        file = tmp_path / "en" / "new_device" / part
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("From {{ device }}, {{ user_agent }}, {{ ip }}")
    text = "https://evil.example/"
    values = VALUES | {"device": text, "user_agent": text, "ip": ZONE}
    email = EmailRenderer(tmp_path).render("new_device", "en", values)
    assert {email.subject, email.text.strip(), email.html} == {"From https evil example, https evil example, fe80::1"}


@pytest.mark.parametrize(
    "address", ["new@example.org", "o'brien+a.b_c-d@mail.example.org", "ann@www.example.org", "ann@xn--exmple-cua.org"]
)
def test_an_usual_address_is_shown_as_it_is(address: str) -> None:
    assert address in write("email_changed", new_email=address).text


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_an_ip_address_is_shown_as_it_is(address: str) -> None:
    assert address in write("new_device", ip=address).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Firefox on Windows", "Firefox on Windows"), ("Chrome Mobile on SM-G991B", "Chrome Mobile on SM-G991B"),
        ("Firefox (iOS), 148", "Firefox (iOS), 148"), ("Call 555 0199 now", "Call now"),
        ("Windows 11 24", "Windows 11 24"), ("Pixel 8 Pro", "Pixel 8 Pro"), ("Büro-Rechner", "Büro-Rechner"),
        ("2201117TG", "2201117TG"),
    ],
)  # fmt: skip
def test_the_words_of_a_text_stay(text: str, shown: str) -> None:
    assert without_links(text) == shown
