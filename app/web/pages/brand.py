"""The operator's name, logo, colours, stylesheet and templates on the pages.

BRAND_PATH is a folder; each part is optional: `logo.svg` or `logo.png`, `style.css`, `templates/`, `translations/`.
"""

import logging
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, url_for
from jinja2 import ChoiceLoader, FileSystemLoader

from app.core.errors import NotFound
from app.current import settings
from config import Settings

NAME: Final = "Latchkey"
LOGOS: Final = {"logo.svg": "image/svg+xml", "logo.png": "image/png"}
CACHED: Final = "public, max-age=300"
DARK_SCHEME: Final = "@media (prefers-color-scheme: dark) { :root { %s } }\n"

pages_brand = Blueprint("pages_brand", __name__, url_prefix="/brand")
log = logging.getLogger(__name__)


def init_brand(app: Flask, given: Settings) -> None:
    """Serve the operator's parts, and let the operator's templates take precedence over ours."""
    folder = given.brand_path
    if folder and not folder.is_dir():
        log.error("BRAND_PATH %s does not exist; using the built-in look", folder)
    elif folder and app.jinja_loader:
        app.jinja_loader = ChoiceLoader([FileSystemLoader(folder / "templates"), app.jinja_loader])
    app.jinja_env.globals |= {"brand_name": given.brand_name or NAME, "logo_url": logo_url, "has_style": _has_style}
    app.register_blueprint(pages_brand)


def logo_url() -> str:
    """The URL of the operator's logo, or of ours."""
    return url_for("pages_brand.logo") if _logo() else url_for("static", filename="latchkey.svg")


@pages_brand.get("/logo")
def logo() -> Response:
    """The operator's logo."""
    path = _logo()
    if path is None:
        raise NotFound
    answer = Response(path.read_bytes(), mimetype=LOGOS[path.name], headers={"Cache-Control": CACHED})
    # An SVG that is opened as a page could otherwise run scripts.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return answer


@pages_brand.get("/style.css")
def style() -> Response:
    """The operator's colours as variables of our stylesheet, and the operator's own rules."""
    light, dark = settings.brand_color, settings.brand_color_dark or settings.brand_color
    rules = ""
    if light:
        rules += f":root {{ {_variables(light, 'black')} }}\n"
    if dark:
        rules += DARK_SCHEME % _variables(dark, "white")
    own = settings.brand_path / "style.css" if settings.brand_path else None
    if own and own.is_file():
        rules += own.read_text()
    return Response(rules, mimetype="text/css", headers={"Cache-Control": CACHED})


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _variables(color: str, towards: str) -> str:
    on = max("#ffffff", "#101414", key=lambda text: contrast(color, text))
    return f"--green: {color}; --green-deep: color-mix(in srgb, {color} 80%, {towards}); --on-green: {on};"


def _luminance(color: str) -> float:
    parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _logo() -> Path | None:
    folder = settings.brand_path
    return next((folder / name for name in LOGOS if (folder / name).is_file()), None) if folder else None


def _has_style() -> bool:
    return bool(settings.brand_color or settings.brand_color_dark or settings.brand_path)
