"""The emails as a developer can look at them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.mail.renderer import EmailRenderer
from app.flows.template_previews import TemplatePreviews
from app.web.pages.mailbox import pages_mailbox
from app.web.pages.sandboxed_html import EMAIL_POLICY

EMAILS = "/dev/mailbox/templates"
OURS = TemplatePreviews(EmailRenderer())


def with_emails(app: Flask, emails: TemplatePreviews = OURS) -> FlaskClient:
    app.extensions["latchkey"] = SimpleNamespace(**vars(app.extensions["latchkey"]) | {"template_previews": emails})
    return app.test_client()


@pytest.fixture
def reader(build) -> FlaskClient:
    return with_emails(build())


def test_every_email_is_listed_in_every_language(reader):
    page = reader.get(EMAILS).text
    for preview in OURS.all():
        assert f'href="{EMAILS}/{preview.locale}/{preview.kind}"' in page
    assert "Willkommen! Bitte bestätigen Sie Ihre Adresse" in page
    assert "template failed" not in page


def test_email_is_shown_as_text_and_framed_html(reader):
    page = reader.get(f"{EMAILS}/de/reset_password").text
    assert '<h1 lang="de">Neues Passwort wählen</h1>' in page
    assert "Guten Tag," in page
    assert f'src="{EMAILS}/de/reset_password/html"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_its_html_can_do_nothing_but_be_looked_at(reader):
    answer = reader.get(f"{EMAILS}/en/verify_email/html")
    assert '<base target="_blank">' in answer.text
    assert answer.headers["Content-Security-Policy"] == EMAIL_POLICY


@pytest.mark.parametrize("path", ["tlh/verify_email", "en/nothing", "en/nothing/html"])
def test_unknown_email_is_a_404(reader, path):
    assert reader.get(f"{EMAILS}/{path}").status_code == 404


def test_a_broken_template_of_the_host_is_named(build, tmp_path: Path):
    file = tmp_path / "en" / "verify_email" / "body.html"
    file.parent.mkdir(parents=True)
    file.write_text("<p>{{ wrong }}</p>")
    reader = with_emails(build(), TemplatePreviews(EmailRenderer(tmp_path)))
    assert reader.get(EMAILS).text.count("template failed") == 1
    page = reader.get(f"{EMAILS}/en/verify_email").text
    assert f"{file.resolve()}:1: &#39;wrong&#39; is undefined" in page


def test_the_mailbox_leads_to_them(build):
    for mailbox in ({}, {"mailbox": None}):
        assert f'href="{EMAILS}"' in with_emails(build(**mailbox)).get("/dev/mailbox").text


def test_they_stand_under_the_mailbox_and_so_in_development_alone(build):
    app = build(production=True)
    assert pages_mailbox.name not in app.blueprints
    assert with_emails(app).get(EMAILS).status_code == 404
