"""What emails say about the service, and where their links lead."""

from dataclasses import dataclass
from datetime import timedelta

from app.domain.email_actions.model import Purpose


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """What emails say about ourselves. Links are built from these templates alone; `{token}` is replaced."""

    public_url: str
    sign_in_url: str
    reset_password_url: str
    verify_email_url: str
    sign_in_link_url: str
    reset_link_lifetime: timedelta
    verify_link_lifetime: timedelta
    sign_in_link_lifetime: timedelta
    invitation_lifetime: timedelta

    @property
    def forgot_password_url(self) -> str:
        """The page where somebody asks for a new password."""
        return f"{self.public_url}/reset-password/request"

    def url(self, purpose: Purpose, token: str) -> str:
        """The link of one purpose that carries this token."""
        pages = {
            Purpose.RESET_PASSWORD: self.reset_password_url,
            Purpose.VERIFY_EMAIL: self.verify_email_url,
            Purpose.CHANGE_EMAIL: self.public_url + "/confirm-email#token={token}",
            Purpose.UNDO_EMAIL_CHANGE: self.public_url + "/undo-email-change#token={token}",
            Purpose.UNDO_SECOND_FACTOR: self.public_url + "/undo-second-factor#token={token}",
            Purpose.SECURE_ACCOUNT: self.public_url + "/not-me#token={token}",
        }
        return pages[purpose].replace("{token}", token)

    def lifetime(self, kind: str, purpose: Purpose) -> timedelta:
        """How long the link in such an email lives. An invitation comes unasked and is read later."""
        if kind == "invitation":
            return self.invitation_lifetime
        if purpose is Purpose.RESET_PASSWORD:
            return self.reset_link_lifetime
        return self.verify_link_lifetime
