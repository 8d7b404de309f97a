"""Step: find the open challenge that a link or a code speaks of. Using it up is left to the change that it allows."""

from dataclasses import dataclass
from datetime import datetime

from app.core.clock import Clock
from app.core.origin import Origin
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore, OpenChallenge
from app.domain.limits.guesses import Guesses
from app.domain.tokens.codes import CodeInvalid, Codes
from app.domain.tokens.links import Links, LinkUsed

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class MeetChallenge:
    """Opens links and checks codes."""

    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    links: Links
    codes: Codes
    guesses: Guesses
    journal: Journal

    def by_link(self, purpose: Purpose, token: str) -> OpenChallenge:
        """The challenge of a good link, or `LinkInvalid`, `LinkExpired`, `LinkUsed`. Changes nothing."""
        account_id, letter = self.links.open(purpose, token)
        challenge = self.challenges.find(account_id, purpose, self.clock.now())
        if challenge is None or challenge.letter != letter:
            raise LinkUsed
        return challenge

    def by_code(
        self, purpose: Purpose, canonical: str, code: str, origin: Origin, device: str | None = None
    ) -> OpenChallenge:
        """The challenge of a right code for the account with this address, or `CodeInvalid`, or `TooMany`.

        The guess is counted before it is looked at, so parallel guesses are no more than serial ones; and an unknown
        address takes the same statements as a known one.
        """
        account, now = self.accounts.by_email(canonical), self.clock.now()
        with self.guesses.at(canonical, device):
            challenge = self._guess(account, purpose, code, now)
            if challenge is None:
                self.journal.record_now(
                    Tag.CODE_REFUSED, origin, now, account_id=account.id if account else None, purpose=purpose.value
                )
                raise CodeInvalid
        return challenge

    def _guess(
        self, account: AccountSnapshot | None, purpose: Purpose, code: str, now: datetime
    ) -> OpenChallenge | None:
        account_id = account.id if account and account.disabled_at is None else NOBODY
        counted = self.challenges.spend_try(account_id, purpose, now)
        challenge = self.challenges.find(account_id, purpose, now)
        letter = challenge.letter if challenge else 0
        right = self.codes.matches(code, purpose, account_id, letter)
        return challenge if counted and right and letter else None
