"""Step: make the options with which a browser creates or uses a passkey. No row is written."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from app.domain.accounts.emails import Address
from app.domain.accounts.model import AccountSnapshot
from app.domain.challenges.challenges import LIFETIME, Challenges
from app.domain.passkeys.options import Holder, registration_options, request_options
from app.domain.passkeys.relying_party import RelyingParty
from app.domain.passkeys.store import StoredPasskey
from app.flows.steps.identity import Identity

# What a challenge is for. One of another purpose is not accepted.
SIGN_IN: Final = "passkey-sign-in"
SECOND_FACTOR: Final = "passkey-second-factor"
REAUTHENTICATION: Final = "passkey-reauthentication"
REGISTRATION: Final = "passkey-registration"
SIGN_UP: Final = "passkey-sign-up"
INVITATION: Final = "passkey-invitation"
TIMEOUT_MS: Final = int(LIFETIME.total_seconds()) * 1_000


@dataclass(frozen=True, slots=True)
class MakePasskeyOptions:
    """Makes options, each with a challenge for one purpose."""

    challenges: Challenges
    relying_party: RelyingParty

    def to_sign_in(self) -> dict[str, Any]:
        """For anybody: the browser offers the passkeys that it has, so nothing is said about accounts."""
        return request_options(self.relying_party, self.challenges.new(SIGN_IN), TIMEOUT_MS)

    def to_use(self, purpose: str, bound_to: str, passkeys: list[StoredPasskey]) -> dict[str, Any]:
        """To use one of these passkeys of an account that is known."""
        challenge = self.challenges.new(purpose, bound_to)
        return request_options(self.relying_party, challenge, TIMEOUT_MS, passkeys)

    def to_add(self, identity: Identity, passkeys: list[StoredPasskey]) -> dict[str, Any]:
        """To add a passkey to an account that has these."""
        account, challenge = identity.owner, self.challenges.new(REGISTRATION, binding_of(identity))
        holder = Holder(handle_of(account.id), account.email, _full_name(account) or account.email)
        return registration_options(self.relying_party, holder, challenge, TIMEOUT_MS, passkeys)

    def to_sign_up(self, address: Address, name: str | None) -> dict[str, Any]:
        """To open an account. Its id follows from the challenge, because the passkey stores it before it exists."""
        challenge = self.challenges.new(SIGN_UP, address.canonical)
        holder = Holder(handle_of(account_id_of(challenge)), address.typed, name or address.typed)
        return registration_options(self.relying_party, holder, challenge, TIMEOUT_MS)

    def to_answer(self, account: AccountSnapshot, message_id: int) -> dict[str, Any]:
        """To answer the invitation that this message carries."""
        challenge = self.challenges.new(INVITATION, binding_of_invitation(account, message_id))
        holder = Holder(handle_of(account.id), account.email, _full_name(account) or account.email)
        return registration_options(self.relying_party, holder, challenge, TIMEOUT_MS)


def handle_of(account_id: str) -> bytes:
    """The user handle of an account (WebAuthn, 14.6.1): 16 bytes, which say nothing about the person."""
    return uuid.UUID(account_id).bytes


def account_id_of(challenge: bytes) -> str:
    """The id of the account that a sign-up with this challenge opens."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, challenge.hex()))


def binding_of(identity: Identity) -> str:
    """What the challenges of a session are bound to."""
    return f"{identity.owner.id} {identity.session.id}"


def binding_of_invitation(account: AccountSnapshot, message_id: int) -> str:
    """What the challenges of an invitation are bound to."""
    return f"{account.id} {message_id}"


def _full_name(account: AccountSnapshot) -> str:
    return " ".join(name for name in (account.first_name, account.last_name) if name)
