"""Finds email templates: in the operator's folder first, then in the built-in one.

Both are laid out like `templates/` here. The most specific file is used:

    de/verify_email/subject.txt   body.txt, body.html: one email in one language
    de/words.html                 anything else an email uses (layout.html, moment.txt, …): for one email,
    layout.html                   for one language, or for all
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, TemplateSyntaxError, pass_context
from jinja2 import select_autoescape as escaping
from jinja2.runtime import Context

PARTS = ("subject.txt", "body.txt", "body.html")
MAX_QUOTE = 120
_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")


def normalize_locale(locale: str) -> str:
    """A language tag in the form that is compared: `pt_BR` is `pt-br`."""
    return locale.replace("_", "-").lower()


def locale_fallbacks(locale: str) -> Iterator[str]:
    """A locale, then its parents (RFC 4647, section 3.4): `zh-hant-tw`, `zh-hant`, `zh`."""
    while locale:
        yield locale
        locale = locale.rpartition("-")[0]


class TemplateFolder:
    """One folder of templates. A locale is looked up in the list of its folders, never joined to a path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
        self.locales = {
            normalize_locale(path.name): path for path in folders if _LOCALE.fullmatch(normalize_locale(path.name))
        }

    def kinds(self, locale: str) -> set[str]:
        """The names of the emails in this folder."""
        folder = self.locales.get(locale)
        return {path.parent.name for path in folder.glob("*/subject.txt")} if folder else set()

    def find(self, locale: str, kind: str, file: str) -> Path | None:
        """The most specific file for this email."""
        return next((path for path in self._places(locale, kind, file) if path.is_file()), None)

    def _places(self, locale: str, kind: str, file: str) -> Iterator[Path]:
        for folder in (self.locales[name] for name in locale_fallbacks(locale) if name in self.locales):
            yield folder / kind / file
            if file not in PARTS:
                yield folder / file
        if file not in PARTS:
            yield self.root / file


class TemplateLoader(BaseLoader):
    """Loads templates named `locale/kind/file` from the first folder that has them. Changed files are reloaded."""

    def __init__(self, *folders: TemplateFolder) -> None:
        self.folders = folders
        self.environment = self._environment()

    def find(self, name: str) -> Path | None:
        """The file of a template name."""
        locale, kind, file = name.split("/", 2)
        return next((path for folder in self.folders if (path := folder.find(locale, kind, file))), None)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text, the file, and a function that tells whether both are unchanged."""
        path = self.find(template)
        if path is None:
            raise TemplateNotFound(template)
        try:
            stamp, text = path.stat().st_mtime_ns, path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as failure:
            raise TemplateSyntaxError(f"unreadable: {type(failure).__name__}", 1, template, str(path)) from None
        return text, str(path), lambda: self.find(template) == path and path.stat().st_mtime_ns == stamp

    def _environment(self) -> Environment:
        # A missing value is an error, not an empty string.
        environment = _RelativeEnvironment(
            loader=self,
            autoescape=escaping(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
        )
        environment.filters |= {"moment": _moment, "duration": _duration, "quote": _quote}
        return environment


class _RelativeEnvironment(Environment):
    def join_path(self, template: str, parent: str) -> str:
        """Look up included templates in the folder of the email."""
        return "/".join([*parent.split("/")[:2], template])


@pass_context
def _moment(context: Context, when: datetime | str) -> str:
    """A time in the language of the email: moment.txt."""
    utc = (datetime.fromisoformat(when) if isinstance(when, str) else when).astimezone(UTC)
    return _render(context, "moment.txt", utc=utc)


@pass_context
def _duration(context: Context, minutes: int) -> str:
    """A duration in the language of the email: duration.txt."""
    return _render(context, "duration.txt", minutes=minutes)


def _render(context: Context, file: str, **values: object) -> str:
    return context.environment.get_template(file, parent=context.name).render(values).strip()


def _quote(text: str) -> str:
    """Untrusted text on one line, shortened, and without a scheme that a mail program would turn into a link."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("://", ":")
    return line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"
