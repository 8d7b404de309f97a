"""Step: check and store a new passkey."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.domain.accounts.model import AccountSnapshot
from app.domain.audit.journal import EventType, Journal
from app.domain.challenges.challenges import Challenges
from app.domain.challenges.store import SpentChallenges
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.passkeys.store import PasskeyStore, StoredPasskey
from app.domain.passkeys.verification import NewPasskey, PasskeyInvalid, read_response, verify_registration
from app.domain.sessions.devices import device_name

MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class CheckedRegistration:
    """A new passkey that is not stored yet."""

    new: NewPasskey
    challenge: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AddPasskey:
    """Checks a new passkey outside any transaction, and stores it within one."""

    clock: Clock
    passkeys: PasskeyStore
    challenges: Challenges
    spent_challenges: SpentChallenges
    relying_party: RelyingParty
    journal: Journal

    def check(self, credential: Mapping[str, Any], *, purpose: str, bound_to: str) -> CheckedRegistration:
        """Raises `PasskeyInvalid` or `ChallengeExpired`."""
        response = read_response(credential)
        expires_at = self.challenges.check(purpose, bound_to, response.challenge)
        if expires_at is None:
            raise PasskeyInvalid
        return CheckedRegistration(verify_registration(response, self.relying_party), response.challenge, expires_at)

    def store(
        self, account: AccountSnapshot, checked: CheckedRegistration, name: str | None, client: ClientInfo
    ) -> StoredPasskey:
        """Use up the challenge and add the passkey. Without a name it gets that of the client's device.

        Raises `ChallengeUsed` or `PasskeyExists`. Within a unit of work that has locked or created the account.
        """
        now = self.clock.now()
        self.spent_challenges.spend(checked.challenge, checked.expires_at)
        named = name or device_name(client.user_agent)[:MAX_NAME]
        passkey = self.passkeys.add(account.id, checked.new, named, now)
        self.journal.record(EventType.PASSKEY_ADDED, client, now, account_id=account.id, passkey=str(passkey.id))
        return passkey
