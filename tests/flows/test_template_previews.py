"""Previews: every email as it will read."""

from pathlib import Path

import pytest

from app.core.errors import NotFound
from app.domain.mail.renderer import EmailRenderer
from app.flows.template_previews import TemplatePreviews

previews = TemplatePreviews(EmailRenderer())


def test_every_email_has_a_preview_in_every_language() -> None:
    shown = [(preview.locale, preview.kind) for preview in previews.all()]
    assert shown == [(locale, kind) for locale in ("de", "en") for kind in EmailRenderer().kinds()]
    assert len(shown) >= 20


def test_preview_shows_the_text_of_the_email() -> None:
    preview = previews.preview("verify_email", "de")
    assert preview.message.subject == "Willkommen! Bitte bestätigen Sie Ihre Adresse"
    assert "WDJB-MJHT" in preview.message.text
    assert "24 Stunden" in preview.message.html


@pytest.mark.parametrize(("kind", "locale"), [("verify_email", "tlh"), ("nothing", "en"), ("../en", "de"), ("", "")])
def test_unknown_email_is_not_found(kind: str, locale: str) -> None:
    with pytest.raises(NotFound):
        previews.preview(kind, locale)


def test_custom_template_is_previewed_and_a_broken_one_reported(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "verify_email"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Ahoy!")
    own = TemplatePreviews(EmailRenderer(tmp_path))
    assert own.preview("verify_email", "en").message.subject == "Ahoy!"
    (folder / "subject.txt").write_text("{{ ahoy }}")
    fault = own.preview("verify_email", "en").message.template_error
    assert fault == f"{folder.resolve()}/subject.txt:1: 'ahoy' is undefined"
