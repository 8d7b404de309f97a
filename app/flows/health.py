"""Health: can this process do its work right now?"""

from dataclasses import dataclass

from app.core.database import answers
from app.core.errors import Busy


class NotReady(Busy):
    """Something this process depends on does not answer."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Health:
    """Looks at what the service stands on."""

    def ready(self) -> dict[str, str]:
        """Each dependency and its state; `NotReady` naming the ones that do not answer."""
        states = {"database": "ok" if answers() else "away"}
        away = [name for name, state in states.items() if state != "ok"]
        if away:
            raise NotReady(f"Not ready: {', '.join(away)}.", retry_after=2)
        return states
