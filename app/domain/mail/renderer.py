"""Renders emails in the recipient's language, from the operator's templates or the built-in ones."""

import logging
import re
import textwrap
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError, UndefinedError

from app.domain.mail.template_loader import TemplateFolder, TemplateLoader
from app.domain.mail.untrusted_values import make_safe

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 72

logger = logging.getLogger(__name__)
_built_in = TemplateLoader(TemplateFolder(TEMPLATES))  # compiled once in a process, also where many apps are made


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An email ready to be sent. It may hold a valid link, so it is neither stored nor logged.

    `template_error` says why the built-in template was used although the operator has one.
    """

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    template_error: str | None = None


class EmailRenderer:
    """Renders every kind of email. Templates in `folder` override the built-in ones (see `template_loader`).

    `name` is that of the service; if it is empty, the templates say it.
    """

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        self._name = {"name": name} if name else {}
        self._folder = folder and folder.resolve()
        if self._folder and not self._folder.is_dir():
            logger.error("EMAIL_TEMPLATES_PATH %s does not exist; using the built-in templates", self._folder)
        self._loader = TemplateLoader(TemplateFolder(self._folder), *_built_in.folders) if self._folder else _built_in

    def kinds(self) -> list[str]:
        """The names of all emails."""
        return sorted(self._loader.kinds())

    def locales(self) -> list[str]:
        """All languages. An email that is missing in one is sent in its parent language, or in English."""
        return sorted(self._loader.locales())

    def render(self, kind: str, locale: str | None, values: dict[str, object]) -> RenderedEmail:
        """Render an email in the best matching language.

        Text that a client chose is made safe first, so that no template can turn it into a link. If a template of the
        operator fails, the built-in one is used and the log names file and line. Raises `UndefinedError` if a built-in
        template needs a value that is missing, and `TemplateNotFound` for an unknown `kind`.
        """
        values = self._name | make_safe(values)
        try:
            return _render(self._loader, kind, locale, values)
        except Exception as failure:
            if self._folder is None:
                raise
            message = _render(_built_in, kind, locale, values)
            error = _template_error(failure, self._folder)
            logger.error("custom template for %s failed, built-in one used: %s", kind, error)
            return RenderedEmail(message.subject, message.text, message.html, error)


def _render(loader: TemplateLoader, kind: str, locale: str | None, values: dict[str, object]) -> RenderedEmail:
    language = loader.language(kind, locale)

    def part(file: str, **more: object) -> str:
        return _part(loader.template(language, kind, file), given | more)

    given = values | {"language": language}
    given = {"name": part("name.txt").strip()} | given
    subject = " ".join(part("subject.txt").split())
    return RenderedEmail(subject, _wrapped(part("body.txt", subject=subject)), part("body.html", subject=subject))


def _part(template: Template, values: dict[str, object]) -> str:
    part = template.render(values)
    if not part.strip():
        raise TemplateSyntaxError("it is empty", 1, template.name, template.filename)
    return part


def _wrapped(text: str) -> str:
    """Wrap lines at `WIDTH` without breaking links; at most one empty line in a row."""
    lines = (textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    wrapped = "\n".join("\n".join(line) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", wrapped).strip() + "\n"


def _template_error(failure: Exception, folder: Path) -> str:
    # Without the message of other exceptions, which may hold a value such as an address or a link.
    if isinstance(failure, TemplateSyntaxError):
        return f"{failure.filename}:{failure.lineno}: {failure.message}"
    frames = [frame for frame in traceback.extract_tb(failure.__traceback__) if frame.filename.startswith(str(folder))]
    if not frames and isinstance(failure, TemplateNotFound):
        return f"{folder}/{failure.name}: missing"
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"in {folder}"
    missing = re.fullmatch(r"'\w+' is undefined", str(failure)) if isinstance(failure, UndefinedError) else None
    return f"{where}: {missing[0] if missing else type(failure).__name__}"
