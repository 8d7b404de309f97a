"""Step: a browser returns only to URLs that the operator has listed, or a stranger's page would get what it brings."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.errors import Invalid


class RedirectNotAllowed(Invalid):
    """`redirect_to` is not a member of REDIRECT_URLS."""

    code = "redirect_not_allowed"
    detail = "This URL is not in REDIRECT_URLS. It must be equal to one of them, character by character."
    field = "redirect_to"


@dataclass(frozen=True, slots=True)
class RequireAllowedRedirect:
    """Compares whole URLs, as RFC 9700 (2.1) asks: patterns and prefixes have been the way in of many attacks."""

    urls: Collection[str]

    def __call__(self, url: str) -> None:
        """Raises `RedirectNotAllowed`."""
        if url not in self.urls:
            raise RedirectNotAllowed
