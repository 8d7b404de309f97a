"""The text of emails, in every language."""

import re
from datetime import timedelta

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from app.domain.mail.renderer import TEMPLATES, EmailRenderer, RenderedEmail
from tests.support.mail_app import NOON

SITE = "https://id.example.org"
LINK = f"{SITE}/reset-password#token=abc.def&x=1"
NOT_ME, UNDO = f"{SITE}/not-me#token=ghi", f"{SITE}/undo#token=jkl"
VALUES: dict[str, object] = {
    "public_url": SITE, "sign_in_url": f"{SITE}/sign-in", "forgot_password_url": f"{SITE}/reset-password/request",
    "when": NOON, "language": "en", "link": LINK, "code": "WDJB-MJHT", "minutes": 30, "code_minutes": 10,
    "not_me_url": NOT_ME, "undo_url": UNDO, "new_email": "new@example.org", "device": "Firefox on Windows",
    "ip": "192.0.2.1", "user_agent": "Firefox/140", "final_at": NOON + timedelta(days=14), "days": 14, "left": 2,
    "provider": "google",
    "undo_until": NOON + timedelta(days=3),
}  # fmt: skip
renderer = EmailRenderer()
KINDS, LOCALES = renderer.kinds(), renderer.locales()
every_email = pytest.mark.parametrize(("kind", "locale"), [(kind, locale) for kind in KINDS for locale in LOCALES])


def write(kind: str, locale: str | None = "en", **values: object) -> RenderedEmail:
    return renderer.render(kind, locale, VALUES | values)


def both(email: RenderedEmail) -> tuple[str, str]:
    """The text and the HTML, each as a person reads it."""
    return " ".join(email.text.split()), " ".join(re.sub(r"<[^>]+>", "", email.html).split())


def test_every_language_has_every_email_in_three_parts() -> None:
    for locale in LOCALES:
        for kind in KINDS:
            parts = {path.name for path in (TEMPLATES / locale / kind).iterdir()}
            assert parts == {"subject.txt", "body.txt", "body.html"}


@every_email
def test_email_needs_no_unlisted_value(kind: str, locale: str) -> None:
    email = write(kind, locale)
    assert email.subject
    assert email.subject in email.html
    assert f'<html lang="{locale}">' in email.html
    assert email.template_error is None


@every_email
def test_html_emails_load_no_external_resource(kind: str, locale: str) -> None:
    assert not re.search(r"<(img|link|script|style|iframe)|url\(|src=", write(kind, locale).html)


@every_email
def test_text_emails_are_narrow_and_break_no_link(kind: str, locale: str) -> None:
    text = write(kind, locale).text
    assert "\n\n\n" not in text
    assert all(len(line) <= 72 for line in text.splitlines() if "://" not in line)
    assert all(line.startswith(("http", "Latchkey, http")) for line in text.splitlines() if "://" in line)


@every_email
def test_html_emails_have_lines_of_bounded_length(kind: str, locale: str) -> None:
    assert max(len(line.encode()) for line in write(kind, locale).html.splitlines()) < 900


@pytest.mark.parametrize("kind", KINDS)
def test_english_emails_are_ascii(kind: str) -> None:
    email = write(kind)
    assert (email.subject + email.text + email.html).isascii()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["verify_email", "reset_password", "email_change_confirm"])
def test_confirmation_email_has_a_button_a_link_and_a_code(kind: str, locale: str) -> None:
    email, escaped = write(kind, locale), LINK.replace("&", "&amp;")
    assert LINK in email.text.splitlines()
    assert email.html.count(f'href="{escaped}"') == 2
    assert f">{escaped}<" in email.html
    assert "    WDJB-MJHT" in email.text.splitlines()
    assert ">WDJB-MJHT<" in email.html


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["verify_email", "reset_password", "email_change_confirm"])
def test_emails_without_codes_do_not_mention_codes(kind: str, locale: str) -> None:
    without = {name: value for name, value in VALUES.items() if not name.startswith("code")}
    words = " ".join(both(renderer.render(kind, locale, without)))
    assert "code" not in words.lower()
    assert LINK in words


@pytest.mark.parametrize(
    "kind",
    [
        "password_changed",
        "email_change_requested",
        "new_device",
        "session_used_twice",
        "account_deleted",
        "factor_removed",
        "factors_reset",
        "recovery_code_used",
        "recovery_codes_created",
        "second_factor_guessed",
        "passkey_added",
        "passkey_removed",
        "passkey_copy_suspected",
    ],
)
def test_every_security_email_says_what_to_do_otherwise(kind: str) -> None:
    email = write(kind)
    for words in both(email):
        assert "This was not me".casefold() in words.casefold()
        assert "every session" in words
        assert "choose a new password" in words
    assert NOT_ME in email.text.splitlines()
    assert f'href="{NOT_ME}"' in email.html
    assert NOT_ME in write(kind, "de").text.splitlines()


@pytest.mark.parametrize(("locale", "hours"), [("en", "72 hours"), ("de", "72 Stunden")])
def test_a_changed_address_can_be_taken_back_for_three_days(locale: str, hours: str) -> None:
    values = {name: value for name, value in VALUES.items() if name not in ("minutes", "not_me_url")}
    email = renderer.render("email_changed", locale, values)
    assert UNDO in email.text.splitlines()
    assert f'href="{UNDO}"' in email.html
    assert all(hours in words and "new@example.org" in words for words in both(email))


def test_deletion_email_says_that_login_cancels_the_deletion() -> None:
    email = write("account_deleted")
    assert all("14 days" in words and "15 March 2026" in words for words in both(email))
    assert f"{SITE}/sign-in" in email.text.splitlines()


def test_deletion_time_may_be_text_from_the_outbox() -> None:
    assert "15 March 2026" in write("account_deleted", final_at="2026-03-15T12:00:00+00:00").text


def test_late_deletion_email_says_that_the_account_is_deleted() -> None:
    assert write("account_deleted", not_me_url=None).subject == "Your account was deleted"
    assert write("account_deleted", "de", not_me_url=None).subject == "Ihr Konto wurde gelöscht"


def test_email_about_a_deleted_account_has_no_links() -> None:
    values = {name: VALUES[name] for name in ("public_url", "sign_in_url", "forgot_password_url", "when")}
    email = renderer.render("account_deleted", "en", values | {"days": 0})
    assert email.subject == "Your account was deleted"
    assert "gone for good" in email.text
    assert SITE + "/" not in email.text + email.html


def test_second_signup_email_shows_how_to_log_in() -> None:
    email = write("account_exists")
    for way in (f"{SITE}/sign-in", f"{SITE}/reset-password/request"):
        assert way in email.text.splitlines()
        assert f'href="{way}"' in email.html


@pytest.mark.parametrize("locale", LOCALES)
def test_a_notice_says_when_and_from_where(locale: str) -> None:
    for words in both(write("new_device", locale, device="Firefox")):
        assert "2026" in words
        assert "192.0.2.1" in words
        assert "Firefox" in words


def test_a_notice_goes_without_an_origin() -> None:
    text = write("password_changed", ip=None, device=None, user_agent=None).text
    assert "IP address" not in text
    assert "Device" not in text


def test_unknown_device_is_named_by_its_user_agent() -> None:
    assert "Firefox 140" in write("password_changed", device=None).text
    assert "Firefox 140" not in write("password_changed").text


def test_user_agent_adds_no_markup_links_or_lines_to_emails() -> None:
    agent = "<b>Call now</b>\r\nhttps://evil.example/ " + "x" * 500
    email = write("password_changed", device=None, user_agent=agent)
    assert "<b>" not in email.html
    assert "evil example" in email.text
    assert "evil.example" not in email.text + email.html
    assert "x" * 120 not in email.text


@pytest.mark.parametrize(
    ("minutes", "english", "german"),
    [
        (1, "1 minute;", "1 Minute lang"), (30, "30 minutes", "30 Minuten"), (60, "1 hour;", "1 Stunde lang"),
        (90, "90 minutes", "90 Minuten"), (1440, "24 hours", "24 Stunden"), (4320, "72 hours", "72 Stunden"),
        (10_080, "7 days", "7 Tage"), (0, "0 minutes", "0 Minuten"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_its_natural_unit(minutes: int, english: str, german: str) -> None:
    assert english in both(write("reset_password", minutes=minutes))[0]
    assert german in both(write("reset_password", "de", minutes=minutes))[0]


@pytest.mark.parametrize(
    ("locale", "moment"), [("en", "1 March 2026 at 12:00 UTC"), ("de", "1. März 2026 um 12:00 Uhr (UTC)")]
)
def test_a_moment_is_written_as_its_language_writes_it(locale: str, moment: str) -> None:
    assert all(moment in words for words in both(write("password_changed", locale)))


@pytest.mark.parametrize("missing", ["link", "public_url", "minutes"])
def test_a_missing_value_is_an_error(missing: str) -> None:
    values = {name: value for name, value in VALUES.items() if name != missing}
    with pytest.raises(UndefinedError):
        renderer.render("reset_password", None, values)


def test_unknown_email_is_an_error() -> None:
    with pytest.raises(TemplateNotFound):
        write("no_such_email")


@pytest.mark.parametrize("locale", ["en-GB", "tlh", "../../etc", "en/../de", "", "EN_us", None, "d"])
def test_locale_without_templates_gets_english(locale: str | None) -> None:
    assert write("reset_password", locale).subject == "Choose a new password"


@pytest.mark.parametrize("locale", ["de", "de-AT", "DE_ch", "de-latn-de"])
def test_regional_locale_gets_the_emails_of_its_language(locale: str) -> None:
    email = write("reset_password", locale)
    assert email.subject == "Neues Passwort wählen"
    assert '<html lang="de">' in email.html


def test_repr_of_an_email_hides_its_link() -> None:
    assert "token" not in repr(write("reset_password"))


def test_device_name_is_in_the_language_of_the_email() -> None:
    assert "Firefox auf Windows" in write("new_device", "de").text
    assert "Gerät: unbekannt" in write("new_device", "de", device="Unknown device").text
