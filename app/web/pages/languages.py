"""The language of the pages: the one that was chosen, the browser's, or English.

A language is a file: `de.po` in `app/web/translations`, or in the folder `translations` of BRAND_PATH.
"""

import logging
import re
from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, after_this_request, g, request

from app.core.errors import ServiceError
from app.current import settings
from app.web import cookies
from app.web.pages.catalogs import read_catalog

ENGLISH: Final = "en"
FOLDER: Final = Path(__file__).parent.parent / "translations"
PARAMETER: Final = "lang"
COOKIE: Final = "language"
YEAR: Final = 365 * 86_400
NAME: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")

log = logging.getLogger(__name__)


def init_languages(app: Flask) -> None:
    """Let templates translate with `_()`, and keep the language that a link chooses with `?lang=`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        translate, lambda one, many, count: translate(one if count == 1 else many), newstyle=True
    )
    app.jinja_env.globals |= {"language": language, "languages": languages, "message_of": message_of}


def language() -> str:
    """The language of this page."""
    if "language" not in g:
        known = (ENGLISH, *_files())
        asked, kept = request.args.get(PARAMETER), cookies.get(COOKIE)
        if asked in known:
            _keep(str(asked))
        chosen = next((code for code in (asked, kept) if code in known), None)
        g.language = chosen or request.accept_languages.best_match(known, ENGLISH)
    return str(g.language)


def languages() -> list[tuple[str, str]]:
    """The code and the own name of each language."""
    return [(ENGLISH, "English"), *((code, _catalog(code).get("English", code)) for code in sorted(_files()))]


def translate(text: str) -> str:
    """The text in the language of this page; itself where there is no translation."""
    code = language()
    return text if code == ENGLISH else _catalog(code).get(text, text)


def message_of(error: ServiceError) -> str:
    """What the error says to people, in the language of this page. Its own words may contain a number; then those of
    its class are translated."""
    own = translate(error.message)
    return own if own != error.message or language() == ENGLISH else translate(error.detail)


def _keep(code: str) -> None:
    @after_this_request
    def set_cookie(answer: Response) -> Response:
        cookies.set_cookie(answer, COOKIE, code, YEAR, same_site="Lax")
        return answer


def _files() -> dict[str, Path]:
    return _files_in(settings.brand_path)


@cache
def _files_in(brand: Path | None) -> dict[str, Path]:
    folders = [FOLDER] + ([brand / "translations"] if brand else [])
    found = {path.stem: path for folder in folders for path in sorted(folder.glob("*.po"))}
    return {code: path for code, path in found.items() if NAME.fullmatch(code)}


def _catalog(code: str) -> dict[str, str]:
    return _read(_files()[code])


@cache
def _read(path: Path) -> dict[str, str]:
    built_in = FOLDER / path.name
    ours = read_catalog(built_in) if built_in.is_file() and built_in != path else {}
    try:
        return ours | read_catalog(path)
    except (OSError, ValueError) as problem:  # of a file of the operator
        log.error("translations in %s cannot be read: %s", path, problem)
        return ours
