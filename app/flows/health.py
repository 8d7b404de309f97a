"""Health: can this process do its work right now?"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.database import ping
from app.core.errors import Unavailable
from app.core.schema import is_up_to_date
from app.core.tcp_probe import TcpProbe
from app.domain.mail.outbox import Outbox
from app.domain.tokens.keyring import KeyRing, KeysUnreadable


class NotReady(Unavailable):
    """Something this process depends on does not answer."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Health:
    """Checks the dependencies. `probes` are those of servers without which the service works for a while, by name."""

    keys: KeyRing
    probes: Mapping[str, TcpProbe]
    outbox: Outbox

    def ready(self) -> dict[str, str]:
        """Each dependency and its state; `NotReady` naming the ones without which nothing works."""
        needed = self._needed()
        failing = [f"{name} {state}" for name, state in needed.items() if state != "ok"]
        if failing:
            raise NotReady(f"Not ready: {', '.join(failing)}.", retry_after=2)
        others = {name: "ok" if port.is_reachable() else "away" for name, port in self.probes.items()}
        if others.get("mail") == "ok" and self.outbox.is_failing():
            others["mail"] = "failing"  # it is reachable, and rejects this service or its certificate is invalid
        return needed | others

    def _needed(self) -> dict[str, str]:
        if not ping():
            return {"database": "away"}
        if not is_up_to_date():
            return {"database": "ok", "migrations": "behind"}
        return {"database": "ok", "migrations": "ok", "signing_keys": self._keys()}

    def _keys(self) -> str:
        try:
            self.keys.all()
        except KeysUnreadable:
            return "unreadable"
        except Unavailable:
            return "away"
        return "ok"
