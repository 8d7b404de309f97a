"""The operator's own look."""

import pytest

from app.web.pages.brand import contrast
from tests.support.api import ANN

LOGO = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "templates/sign_in").mkdir(parents=True)
    (tmp_path / "logo.svg").write_text(LOGO)
    (tmp_path / "style.css").write_text(".card { border: 0 }")
    (tmp_path / "templates/sign_in/sent.html").write_text("Look into {{ brand_name }}'s mail")
    return tmp_path


@pytest.fixture
def settings(settings, folder):
    look = {"brand_name": "Kestrel & Co", "brand_color": "#0050b3", "brand_color_dark": "#7ab8ff", "brand_path": folder}
    return settings.model_copy(update=look)


def test_name_logo_colours_and_templates_are_those_of_the_operator(client):
    page = client.get("/sign-in")
    assert "Kestrel &amp; Co" in page.text
    assert "Latchkey" not in page.text
    assert 'src="/brand/logo"' in page.text
    logo = client.get("/brand/logo")
    assert (logo.text, logo.mimetype) == (LOGO, "image/svg+xml")
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    style = client.get("/brand/style.css").text
    assert "--green: #0050b3" in style
    assert "--on-green: #ffffff" in style
    assert "--on-green: #101414" in style.partition("dark")[2]
    assert style.endswith(".card { border: 0 }")
    assert client.post("/sign-in/email", data=ANN).text == "Look into Kestrel &amp; Co's mail"


def test_emails_and_authenticator_apps_have_the_name(client, auth, mailbox):
    tokens = client.post("/api/v1/auth/signup", json=ANN).json
    auth.mail_delivery.deliver_due()
    assert "Kestrel & Co" in mailbox.messages[0].text
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    uri = client.post("/api/v1/account/factors/totp", json={}, headers=headers).json["uri"]
    assert "issuer=Kestrel" in uri


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
