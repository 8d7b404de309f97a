"""Templates of the operator override the built-in ones, and a broken one loses no email."""

import logging
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from app.domain.mail.renderer import EmailRenderer
from tests.domain.mail.test_renderer import LINK, VALUES

BUILT_IN = EmailRenderer()
SUBJECT = "Choose a new password"


class Folder:
    """An operator's folder of templates: `folder.put("de/reset_password/subject.txt", "…")`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    @property
    def renderer(self) -> EmailRenderer:
        return EmailRenderer(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_an_empty_folder_changes_nothing(folder: Folder) -> None:
    assert folder.renderer.render("reset_password", "de", VALUES) == BUILT_IN.render("reset_password", "de", VALUES)
    assert (folder.renderer.kinds(), folder.renderer.locales()) == (BUILT_IN.kinds(), BUILT_IN.locales())


def test_one_part_of_an_email_can_be_replaced(folder: Folder) -> None:
    folder.put("en/reset_password/subject.txt", "Forgot it\nagain?")
    email, ours = (
        folder.renderer.render("reset_password", "en", VALUES),
        BUILT_IN.render("reset_password", "en", VALUES),
    )
    assert email.subject == "Forgot it again?"
    assert email.text == ours.text
    assert ">Forgot it again?</h1>" in email.html
    assert folder.renderer.render("reset_password", "de", VALUES).subject == "Neues Passwort wählen"


def test_a_text_and_its_html_are_replaced_by_themselves(folder: Folder) -> None:
    folder.put("en/reset_password/body.txt", "Here: {{ link }}")
    folder.put("en/reset_password/body.html", "<p>{{ link }} for {{ minutes | duration }}</p>")
    email = folder.renderer.render("reset_password", None, VALUES)
    assert email.text == f"Here: {LINK}\n"
    assert email.html == f"<p>{LINK.replace('&', '&amp;')} for 30 minutes</p>"
    assert email.subject == SUBJECT


@pytest.mark.parametrize("place", ["", "en/", "en/reset_password/"])
def test_layout_can_be_replaced_per_language_or_email(folder: Folder, place: str) -> None:
    folder.put(f"{place}layout.html", "<main>{% block body %}{% endblock %}</main>")
    assert folder.renderer.render("reset_password", "en", VALUES).html.startswith("<main>")
    others = [("reset_password", "de"), ("verify_email", "en")]
    changed = [folder.renderer.render(kind, locale, VALUES).html.startswith("<main>") for kind, locale in others]
    assert changed == {"": [True, True], "en/": [False, True], "en/reset_password/": [False, False]}[place]


def test_shared_template_parts_can_be_replaced(folder: Folder) -> None:
    ours = (Path(__file__).parents[3] / "app/domain/mail/templates/parts.html").read_text()
    folder.put("parts.html", ours.replace("#1c5a4d", "#123456"))
    assert "#123456" in folder.renderer.render("verify_email", "de", VALUES).html


def test_operator_can_put_a_name_on_every_email(folder: Folder) -> None:
    folder.put("name.txt", "Bell & Sons\n")
    email = folder.renderer.render("verify_email", "en", VALUES)
    assert "Bell & Sons, https://id.example.org" in email.text
    assert "Bell &amp; Sons" in email.html
    assert "Latchkey" not in email.text + email.html


def test_a_folder_adds_a_language(folder: Folder) -> None:
    folder.put("fr/reset_password/subject.txt", "Choisissez un mot de passe")
    folder.put("fr/reset_password/body.txt", "Le {{ when | moment }} : {{ link }} ({{ minutes | duration }})")
    folder.put("fr/reset_password/body.html", '{% extends "layout.html" %}{% block body %}{{ link }}{% endblock %}')
    renderer = folder.renderer
    email = renderer.render("reset_password", "fr-CA", VALUES)
    assert renderer.locales() == ["de", "en", "fr"]
    assert email.subject == "Choisissez un mot de passe"
    assert "2026-03-01 12:00 UTC" in email.text
    assert '<html lang="fr">' in email.html
    assert (
        renderer.render("verify_email", "fr", VALUES).subject == BUILT_IN.render("verify_email", "en", VALUES).subject
    )


def test_regional_folder_overrides_single_files(folder: Folder) -> None:
    folder.put("de_AT/moment.txt", "{{ utc.day }}. Feber {{ utc.year }}")
    renderer = folder.renderer
    assert "1. Feber 2026" in renderer.render("password_changed", "de-AT", VALUES).text
    assert "1. März 2026" in renderer.render("password_changed", "de-CH", VALUES).text
    assert renderer.render("password_changed", "de-AT", VALUES).subject == "Ihr Passwort wurde geändert"


def test_operator_can_add_emails(folder: Folder) -> None:
    for part in ("subject.txt", "body.txt", "body.html"):
        folder.put(f"en/birthday/{part}", "Many happy returns, {{ public_url }}")
    assert "birthday" in folder.renderer.kinds()
    assert "Many happy returns" in folder.renderer.render("birthday", "de", VALUES).text


def test_a_change_is_seen_without_a_restart(folder: Folder) -> None:
    file, renderer = folder.put("en/reset_password/subject.txt", "First"), folder.renderer
    assert renderer.render("reset_password", "en", VALUES).subject == "First"
    folder.put("en/reset_password/subject.txt", "The second")
    assert renderer.render("reset_password", "en", VALUES).subject == "The second"
    file.unlink()
    assert renderer.render("reset_password", "en", VALUES).subject == SUBJECT


BROKEN = {
    "an unknown value": ("{{ lnik }}", "subject.txt:1: 'lnik' is undefined"),
    "bad syntax": ("Hello\n{% if %}", "subject.txt:2: Expected an expression"),
    "an unknown filter": ("{{ link | sparkle }}", "subject.txt:1: No filter named 'sparkle'"),
    "an include that is not there": ('{% include "nowhere.txt" %}', "subject.txt:1: TemplateNotFound"),
    "a failing expression": ("{{ 1 // 0 }}", "subject.txt:1: ZeroDivisionError"),
    "itself": ('{% include "subject.txt" %}', "subject.txt:1: RecursionError"),
    "nothing": (" \n", "subject.txt:1: it is empty"),
    "what is no text": (b"\xff\xfe\x00", "subject.txt:1: unreadable: UnicodeDecodeError"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_template_is_logged_and_the_default_is_sent(
    folder: Folder, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, said = BROKEN[what]
    folder.put("en/reset_password/subject.txt", text)
    email = folder.renderer.render("reset_password", "en", VALUES)
    assert (email.subject, LINK in email.text) == (SUBJECT, True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"en/reset_password/{said}" in record.getMessage()
    assert email.template_error is not None
    assert email.template_error in record.getMessage()


def test_broken_template_in_an_added_language_falls_back_to_english(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put("fr/reset_password/subject.txt", "Choisissez")
    email = folder.renderer.render("reset_password", "fr", VALUES)
    assert email.subject == SUBJECT
    assert "fr/reset_password/body.txt" in caplog.text


def test_log_has_no_value_of_a_failed_email(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("{% include link %}", "{{ {}[link] }}", "{{ link.nothing }}", "{{ link | int(link) // 0 }}"):
        folder.put("en/reset_password/body.txt", text)
        folder.renderer.render("reset_password", "en", VALUES)
    assert len(caplog.records) == 4
    assert "token" not in caplog.text


def test_value_missing_in_built_in_templates_is_an_error(folder: Folder) -> None:
    folder.put("en/reset_password/body.txt", "{{ link }}")
    with pytest.raises(UndefinedError):
        folder.renderer.render("reset_password", "en", {})


def test_missing_template_folder_is_logged_and_loses_no_email(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    renderer = EmailRenderer(tmp_path / "nowhere")
    assert "nowhere" in caplog.text
    assert renderer.render("reset_password", "en", VALUES).subject == SUBJECT
