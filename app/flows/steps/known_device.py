"""Step: has this device signed in to the account before?"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.clock import Clock
from app.core.errors import Refusal
from app.core.origin import Origin
from app.domain.accounts.model import AccountSnapshot
from app.domain.tokens.bearer import REFRESH, BearerTokens
from app.domain.tokens.links import Links

PURPOSE: Final = "known-device"
REMEMBERED: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """Names the devices of an account. The proof is a signed mark that we gave it, or a refresh token of its own.

    Neither lets anybody in: it only keeps a stranger's guesses apart from the owner's.
    """

    clock: Clock
    links: Links
    tokens: BearerTokens

    def mark(self, account_id: str) -> str:
        """A mark for a device on which the account's owner has just been."""
        expires_at = self.clock.now() + REMEMBERED
        return self.links.sign(PURPOSE, account_id=account_id, state=secrets.randbits(62), expires_at=expires_at)

    def __call__(self, account: AccountSnapshot | None, origin: Origin) -> str | None:
        """The name of the device, or None if it proves nothing about this account."""
        if account is None or not origin.device:
            return None
        for read in (self._by_mark, self._by_token):
            try:
                account_id, name = read(origin.device)
            except Refusal:
                continue
            return name if account_id == account.id else None
        return None

    def _by_mark(self, proof: str) -> tuple[str, str]:
        account_id, number = self.links.open(PURPOSE, proof)
        return account_id, str(number)

    def _by_token(self, proof: str) -> tuple[str, str]:
        claims = self.tokens.read(proof, REFRESH)
        return claims.account_id, claims.session_id
