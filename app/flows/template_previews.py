"""Previews of every email with sample data, for authors of templates."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.errors import NotFound
from app.domain.mail.renderer import EmailRenderer, RenderedEmail

SITE = "https://accounts.example.com"
TOKEN = "WyI0ZjFlMmQzYyIsNDIsMywxNzcyMzY4MjAwXQ.q4Hn0sAmPLeTqLink0FjW0rksN0where"  # noqa: S105 - opens nothing
SAMPLE: dict[str, object] = {
    "public_url": SITE,
    "sign_in_url": f"{SITE}/sign-in",
    "forgot_password_url": f"{SITE}/reset-password/request",
    "when": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    "link": f"{SITE}/confirm#token={TOKEN}",
    "code": "WDJB-MJHT",
    "minutes": 30,
    "code_minutes": 10,
    "not_me_url": f"{SITE}/not-me#token={TOKEN}",
    "undo_url": f"{SITE}/undo#token={TOKEN}",
    "new_email": "ann.new@example.net",
    "device": "Firefox on Windows",
    "ip": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:148.0) Firefox/148.0",
    "final_at": datetime(2026, 3, 15, 12, 0, tzinfo=UTC),
    "days": 14,
    "left": 2,
    "provider": "google",
    "undo_until": datetime(2026, 3, 4, 12, 0, tzinfo=UTC),
}
MINUTES = {
    "invitation": 24 * 60,
    "verify_email": 24 * 60,
    "email_change_confirm": 24 * 60,
    "email_changed": 72 * 60,
    "factor_added": 72 * 60,
}


class TemplateNotFound(NotFound):
    """Not one of the emails that we write, or not a language that we write in."""

    detail = "There is no such email in this language."


@dataclass(frozen=True, slots=True)
class TemplatePreview:
    """One email as it reads in one language."""

    kind: str
    locale: str
    message: RenderedEmail


@dataclass(frozen=True, slots=True)
class TemplatePreviews:
    """Renders each email as delivery does, without sending it and without data of accounts."""

    renderer: EmailRenderer

    def all(self) -> list[TemplatePreview]:
        """Every email in every language."""
        return [self.preview(kind, locale) for locale in self.renderer.locales() for kind in self.renderer.kinds()]

    def preview(self, kind: str, locale: str) -> TemplatePreview:
        """One email in one language. Raises `TemplateNotFound`."""
        if kind not in self.renderer.kinds() or locale not in self.renderer.locales():
            raise TemplateNotFound
        values = SAMPLE | {"minutes": MINUTES.get(kind, SAMPLE["minutes"])}
        return TemplatePreview(kind, locale, self.renderer.render(kind, locale, values))
