"""Trusted devices: where sign-in does not ask for the second factor."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.sessions.devices import device_name
from app.domain.trusted_devices.store import NoSuchTrustedDevice, TrustedDeviceStore
from app.flows.steps.identity import Identity


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A trusted device as shown to its owner."""

    id: int
    name: str
    ip: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TrustedDevices:
    """Lists and removes the trusted devices of an account."""

    work: UnitOfWork
    clock: Clock
    trusted_devices: TrustedDeviceStore
    journal: Journal

    def all(self, identity: Identity) -> list[ListedDevice]:
        """The trusted devices, the newest first."""
        return [
            ListedDevice(device.id, device_name(device.user_agent), device.ip, device.created_at, device.expires_at)
            for device in self.trusted_devices.of_account(identity.owner.id, self.clock.now())
        ]

    def remove(self, identity: Identity, device_id: int, client: ClientInfo) -> None:
        """Ask for the second factor there again. Raises `NoSuchTrustedDevice`."""
        with self.work as work:
            if not self.trusted_devices.remove(identity.owner.id, device_id):
                raise NoSuchTrustedDevice
            self._record(identity, client)
            work.commit()

    def remove_all(self, identity: Identity, client: ClientInfo) -> None:
        """The same for all trusted devices."""
        with self.work as work:
            self.trusted_devices.remove_all(identity.owner.id)
            self._record(identity, client)
            work.commit()

    def _record(self, identity: Identity, client: ClientInfo) -> None:
        now, session_id = self.clock.now(), identity.session.id or None
        self.journal.record(
            EventType.DEVICE_NOT_TRUSTED, client, now, account_id=identity.owner.id, session_id=session_id
        )
