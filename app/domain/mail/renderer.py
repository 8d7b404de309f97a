"""How emails are worded: in the nearest language, by the host's templates or ours."""

import logging
import re
import textwrap
import traceback
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

from app.domain.mail.template_loader import TemplateFolder, TemplateLoader, locale_fallbacks, normalize_locale
from app.domain.mail.untrusted_values import make_safe

TEMPLATES = Path(__file__).parent / "templates"
DEFAULT_LOCALE = "en"
WIDTH = 72

logger = logging.getLogger(__name__)
_built_in = TemplateLoader(TemplateFolder(TEMPLATES))  # compiled once in a process, also where many apps are made


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An email ready to be sent. It may carry a live link: neither kept nor shown in logs.

    `fault` says why this is our wording although the host has one of its own.
    """

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    template_error: str | None = None


class EmailRenderer:
    """Every email in every language we have it in. What lies in `folder` goes before ours (see `shelves`)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder and folder.resolve()
        if self._folder and not self._folder.is_dir():
            logger.error("there is no folder %s: emails are worded as we word them", self._folder)
        self._shelves = TemplateLoader(TemplateFolder(self._folder), *_built_in.all) if self._folder else _built_in

    def kinds(self) -> list[str]:
        """The emails there are."""
        return sorted(set().union(*(shelf.kinds(DEFAULT_LOCALE) for shelf in self._shelves.all)))

    def locales(self) -> list[str]:
        """The languages there are; an email that one of them lacks is sent in a more general one, or in English."""
        return sorted(set().union(*(shelf.locales for shelf in self._shelves.all)))

    def render(self, kind: str, locale: str | None, values: dict[str, object]) -> RenderedEmail:
        """The email in the nearest language. A value that our templates miss is an error, not a gap.

        What a stranger chose reaches no template, also none of the host's, in a form that mail programs make a link of.
        If the host's templates fail, whatever the reason, the email goes out in our words and the log names the file.
        """
        values = make_safe(values)
        try:
            return _render(self._shelves, kind, locale, values)
        except Exception as failure:
            if self._folder is None:
                raise
            message = _render(_built_in, kind, locale, values)
            fault = _template_error(failure, self._folder)
            logger.error("email %s goes out in our words: %s", kind, fault)
            return RenderedEmail(message.subject, message.text, message.html, fault)


def _render(shelves: TemplateLoader, kind: str, locale: str | None, values: dict[str, object]) -> RenderedEmail:
    language = _language(shelves, kind, locale)
    folder, given = f"{language}/{kind}", values | {"language": language}
    given = {"name": _part(shelves, f"{folder}/name.txt", given).strip()} | given
    subject = " ".join(_part(shelves, f"{folder}/subject.txt", given).split())
    text, html = (
        _part(shelves, f"{folder}/{part}", given | {"subject": subject}) for part in ("body.txt", "body.html")
    )
    return RenderedEmail(subject, _wrapped(text), html)


def _part(shelves: TemplateLoader, name: str, values: dict[str, object]) -> str:
    template = shelves.environment.get_template(name)
    part = template.render(values)
    if not part.strip():
        raise TemplateSyntaxError("it says nothing", 1, name, template.filename)
    return part


def _language(shelves: TemplateLoader, kind: str, locale: str | None) -> str:
    known = set().union(*(shelf.locales for shelf in shelves.all))
    wanted = chain(locale_fallbacks(normalize_locale(locale or DEFAULT_LOCALE)), [DEFAULT_LOCALE])
    has = (name for name in wanted if name in known and shelves.find(f"{name}/{kind}/subject.txt"))
    return next(has, DEFAULT_LOCALE)


def _wrapped(text: str) -> str:
    """In lines that a terminal shows whole; a link is never broken. At most one empty line in a row."""
    lines = (textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    wrapped = "\n".join("\n".join(line) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", wrapped).strip() + "\n"


def _template_error(failure: Exception, folder: Path) -> str:
    # Without the words of other failures, which may hold a value: an address, a link.
    if isinstance(failure, TemplateSyntaxError):
        return f"{failure.filename}:{failure.lineno}: {failure.message}"
    frames = [frame for frame in traceback.extract_tb(failure.__traceback__) if frame.filename.startswith(str(folder))]
    if not frames and isinstance(failure, TemplateNotFound):
        return f"{folder}/{failure.name}: missing"
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"in {folder}"
    missing = re.fullmatch(r"'\w+' is undefined", str(failure)) if isinstance(failure, UndefinedError) else None
    return f"{where}: {missing[0] if missing else type(failure).__name__}"
