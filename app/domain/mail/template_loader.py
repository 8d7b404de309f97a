"""Finds email templates with Jinja's `FileSystemLoader`: in the operator's folder first, then in the built-in one.

Both are laid out like `templates/` here. For each email the loader searches these folders, the most specific first:

    de/verify_email/    subject.txt, body.txt and body.html of one email in one language
    de/                 what the emails of one language share (words.html, moment.txt, ...)
    .                   what all emails share (layout.html, parts.html, ...)
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    pass_environment,
    select_autoescape,
)

DEFAULT_LOCALE: Final = "en"
MAX_QUOTE: Final = 120
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

    def kinds(self) -> set[str]:
        """The names of the emails in this folder."""
        english = self.locales.get(DEFAULT_LOCALE)
        return {path.parent.name for path in english.glob("*/subject.txt")} if english else set()

    def has(self, language: str, kind: str) -> bool:
        """Whether there is a template for this email in this language or one of its parents."""
        found = (self.locales[name] for name in locale_fallbacks(language) if name in self.locales)
        return any((path / kind / "subject.txt").is_file() for path in found)

    def search_path(self, language: str, kind: str) -> Iterator[Path]:
        """Where the templates of one email may be, the most specific folder first."""
        for name in locale_fallbacks(language):
            if name in self.locales:
                yield self.locales[name] / kind
                yield self.locales[name]
        yield self.root


class TemplateLoader:
    """Loads templates from the first folder that has them. A file that was changed or deleted is loaded again."""

    def __init__(self, *folders: TemplateFolder) -> None:
        self.folders = folders
        self._environments: dict[tuple[str, str], Environment] = {}

    def kinds(self) -> set[str]:
        """The names of all emails."""
        return set().union(*(folder.kinds() for folder in self.folders))

    def locales(self) -> set[str]:
        """All languages."""
        return set().union(*(folder.locales for folder in self.folders))

    def language(self, kind: str, locale: str | None) -> str:
        """The language in which an email is sent to a recipient who prefers `locale`."""
        known = self.locales()
        wanted = (name for name in locale_fallbacks(normalize_locale(locale or DEFAULT_LOCALE)) if name in known)
        return next((name for name in wanted if any(each.has(name, kind) for each in self.folders)), DEFAULT_LOCALE)

    def template(self, language: str, kind: str, file: str) -> Template:
        """One template of an email. Raises `TemplateNotFound`, and `TemplateSyntaxError` if it cannot be compiled."""
        try:
            return self._environment(language, kind).get_template(file)
        except TemplateNotFound:
            raise TemplateNotFound(f"{language}/{kind}/{file}") from None

    def _environment(self, language: str, kind: str) -> Environment:
        # One per email: each has a search path and a cache of its own.
        if (language, kind) not in self._environments:
            paths = [path for folder in self.folders for path in folder.search_path(language, kind)]
            self._environments[language, kind] = _environment(paths)
        return self._environments[language, kind]


class _ReportingLoader(FileSystemLoader):
    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The same, but the error names the file that cannot be read."""
        try:
            return super().get_source(environment, template)
        except (PermissionError, UnicodeDecodeError) as failure:
            path = next(path for folder in self.searchpath if (path := Path(folder, template)).is_file())
            message = f"unreadable: {type(failure).__name__}"
            raise TemplateSyntaxError(message, 1, template, str(path)) from None


def _environment(paths: list[Path]) -> Environment:
    environment = Environment(
        loader=_ReportingLoader(paths),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,  # a missing value is an error, not an empty string
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "duration": _duration, "quote": _quote}
    return environment


@pass_environment
def _moment(environment: Environment, when: datetime | str) -> str:
    """A time in the language of the email: moment.txt."""
    utc = (datetime.fromisoformat(when) if isinstance(when, str) else when).astimezone(UTC)
    return environment.get_template("moment.txt").render(utc=utc).strip()


@pass_environment
def _duration(environment: Environment, minutes: int) -> str:
    """A duration in the language of the email: duration.txt."""
    return environment.get_template("duration.txt").render(minutes=minutes).strip()


def _quote(text: str) -> str:
    """Untrusted text on one line, shortened, and without a scheme that a mail program would turn into a link."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("://", ":")
    return line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"
