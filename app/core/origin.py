"""Where a request comes from, as a plain value that every floor may hold."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller's network address, the name its agent gives itself and the languages it prefers.

    `device` is what it presents to show that it signed in before; nobody has checked it yet.
    """

    ip: str | None = None
    user_agent: str | None = None
    languages: tuple[str, ...] = ()
    device: str | None = field(default=None, repr=False)

    @property
    def language(self) -> str | None:
        """The one it likes best."""
        return self.languages[0][:35] if self.languages else None
