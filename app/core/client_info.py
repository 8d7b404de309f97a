"""Where a request comes from, as a plain value for all layers."""

from dataclasses import dataclass, field
from typing import Final

from app.core.text import clean

MAX_IP: Final = 45
MAX_USER_AGENT: Final = 400
MAX_LANGUAGE: Final = 35


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The client's IP address, User-Agent and preferred languages, cut and cleaned to fit their columns.

    `device_token` and `trusted_device_token` are not verified yet, and are not stored.
    """

    ip: str | None = None
    user_agent: str | None = None
    languages: tuple[str, ...] = ()
    device_token: str | None = field(default=None, repr=False)
    trusted_device_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        fitting = {
            "ip": self.ip and clean(self.ip, MAX_IP),
            "user_agent": self.user_agent and clean(self.user_agent, MAX_USER_AGENT),
            "languages": tuple(clean(language, MAX_LANGUAGE) for language in self.languages),
        }
        for name, value in fitting.items():
            object.__setattr__(self, name, value)

    @property
    def language(self) -> str | None:
        """The most preferred language."""
        return self.languages[0] if self.languages else None
