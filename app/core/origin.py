"""Where a request comes from, as a plain value that every floor may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller's network address, the name its agent gives itself and the languages it prefers."""

    ip: str | None = None
    user_agent: str | None = None
    languages: tuple[str, ...] = ()

    @property
    def language(self) -> str | None:
        """The one it likes best."""
        return self.languages[0][:35] if self.languages else None
