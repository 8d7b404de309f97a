"""The languages of the pages, and whether their catalogs are complete."""

import ast
import re
from itertools import chain

import pytest

from app.core.errors import ServiceError
from app.web.pages.catalogs import read_catalog
from app.web.pages.confirmations import CONFIRMATIONS
from config import ROOT
from tests.conftest import package
from tests.support.api import ANN

TEMPLATES = ROOT / "app/web/templates"
TRANSLATED = ("account", "sign_in", "sign_up", "reset_password", "confirmation")
CATALOG = ROOT / "app/web/translations/de.po"
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
OF_A_CONFIRMATION = ("title", "prompt", "not_you_hint", "button", "done", "done_text", "used", "retry_hint")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def texts_of_templates():
    extract = package("babel.messages.extract").extract_from_dir
    for folder in TRANSLATED:
        for _, _, text, _, _ in extract(TEMPLATES / folder, [("**.html", "jinja2")], keywords={"_": None}):
            yield text


def texts_of_confirmations():
    for page in chain(CONFIRMATIONS.values(), filter(None, (each.alternative for each in CONFIRMATIONS.values()))):
        yield from (text for name in OF_A_CONFIRMATION if (text := getattr(page, name, None)))


def texts_of_pages():
    """What the code of the pages says itself: errors, and constants that are translated."""
    for path in (ROOT / "app/web/pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("translate", "Invalid") and node.args:
                yield from [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []


def every_error(base=ServiceError):
    for error in base.__subclasses__():
        if error.__module__.startswith("app."):
            yield error
        yield from every_error(error)


def test_german_has_every_text_of_the_pages():
    german = read_catalog(CATALOG)
    wanted = {*texts_of_templates(), *texts_of_confirmations(), *texts_of_pages()}
    assert len(wanted) > 280
    assert sorted(wanted - german.keys()) == []


def test_translations_have_the_same_placeholders():
    for text, translation in read_catalog(CATALOG).items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(translation)), text


def test_texts_of_errors_in_the_catalog_exist():
    german, details = read_catalog(CATALOG), {error.detail for error in every_error()}
    translated = {detail for detail in details if detail in german}
    assert len(translated) > 30
    shown = ("invalid_credentials", "email_taken", "code_invalid", "link_expired", "password_too_short", "last_way_in")
    assert [error.code for error in every_error() if error.code in shown and error.detail not in german] == []


def test_page_is_in_the_language_of_the_browser(client):
    page = client.get("/sign-in", headers=GERMAN)
    assert ('<html lang="de">' in page.text, "Passwort vergessen?" in page.text) == (True, True)
    assert '<html lang="en">' in client.get("/sign-in", headers={"Accept-Language": "tlh"}).text


def test_chosen_language_stays(client):
    assert "Anmelden" in client.get("/sign-in?lang=de").text
    assert "Anmelden" in client.get("/sign-up").text
    assert "Sign in" in client.get("/sign-in?lang=en", headers=GERMAN).text
    assert "Sign in" in client.get("/sign-in?lang=../../etc", headers=GERMAN).text


def test_errors_are_translated(client):
    answer = client.post("/sign-in", data=ANN, headers=GERMAN)
    assert "E-Mail-Adresse oder Passwort ist falsch." in answer.text
    answer = client.post("/sign-up", data={"email": "a@example.com", "password": "x"}, headers=GERMAN)
    assert "Das Passwort ist zu kurz." in answer.text


def test_one_file_adds_a_language(client, tmp_path, monkeypatch):
    from app.current import settings_of

    (tmp_path / "translations").mkdir()
    catalog = (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Sign in"\nmsgstr "Se connecter"\n'
    )
    (tmp_path / "translations" / "fr.po").write_text(catalog)
    monkeypatch.setitem(settings_of(client.application).__dict__, "brand_path", tmp_path)
    page = client.get("/sign-in", headers={"Accept-Language": "fr"}).text
    assert ("Se connecter" in page, "Forgot your password?" in page, 'hreflang="fr"' in page) == (True, True, False)


@pytest.mark.parametrize("path", ["/", "/dev/mailbox"])
@pytest.mark.settings(app_env="development")
def test_pages_for_developers_are_english(client, path):
    page = client.get(path, headers=GERMAN)
    assert '<html lang="en">' in page.text
