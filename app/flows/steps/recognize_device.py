"""Step: has this device signed in to the account before?"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import ServiceError
from app.domain.accounts.model import AccountSnapshot
from app.domain.tokens.jwt_tokens import REFRESH, JwtTokens
from app.domain.tokens.links import Links

PURPOSE: Final = "trusted-device"
TOKEN_LIFETIME: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class RecognizeDevice:
    """Names the devices of an account. The proof is a signed device token, or a refresh token of the account.

    Neither lets anybody in: it only keeps a stranger's guesses apart from the owner's. Both are made for one state of
    the credentials, so a reset, a change of the password or the address, or "this was not me" ends them all: a device
    that signed in with a stolen password gets no separate allowance afterwards.
    """

    clock: Clock
    links: Links
    tokens: JwtTokens

    def device_token(self, account_id: str, credentials_version: int) -> str:
        """A token for a device on which the account's owner has just signed in."""
        expires_at, number = self.clock.now() + TOKEN_LIFETIME, secrets.randbits(62)
        purpose = _purpose(credentials_version)
        return self.links.sign(purpose, account_id=account_id, state=number, expires_at=expires_at)

    def __call__(self, account: AccountSnapshot | None, client: ClientInfo) -> str | None:
        """The name of the device, or None if it proves nothing about this account as it is now."""
        if account is None or not client.device_token:
            return None
        return self._by_device_token(account, client.device_token) or self._by_refresh_token(
            account, client.device_token
        )

    def _by_device_token(self, account: AccountSnapshot, proof: str) -> str | None:
        try:
            account_id, number = self.links.open(_purpose(account.credentials_version), proof)
        except ServiceError:
            return None
        return str(number) if account_id == account.id else None

    def _by_refresh_token(self, account: AccountSnapshot, proof: str) -> str | None:
        try:
            claims = self.tokens.read(proof, REFRESH)
        except ServiceError:
            return None
        current = (account.id, account.credentials_version)
        return claims.session_id if (claims.account_id, claims.credentials_version) == current else None


def _purpose(credentials_version: int) -> str:
    return f"{PURPOSE}.{credentials_version}"
