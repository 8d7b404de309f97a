"""Step: find the open challenge that a link or a code speaks of. Using it up is left to the change that it allows."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import NOBODY, ChallengeStore, OpenChallenge
from app.domain.limits.attempts import Guesses
from app.domain.tokens.codes import CodeInvalid, Codes
from app.domain.tokens.links import Links, LinkUsed


@dataclass(frozen=True, slots=True)
class MeetChallenge:
    """Opens links and checks codes."""

    work: UnitOfWork
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
        self, purpose: Purpose, canonical: str, code: str, origin: ClientInfo, device: str | None = None
    ) -> OpenChallenge:
        """The challenge of a right code for the account with this address, or `CodeInvalid`, or `TooMany`.

        An unknown address takes the same statements and the same commit as a known one. Parallel guesses at one code
        are no more than serial ones: the one that holds it can win, and the others are refused. A right one spends
        no try.
        """
        (account_id, enabled), now = self.accounts.id_by_email(canonical), self.clock.now()
        attempt = self.guesses.attempt(canonical, device)
        owner = account_id if account_id and enabled else NOBODY
        challenge = self.challenges.with_code(owner, purpose, now)
        right = self.codes.matches(code, purpose, owner, challenge.letter if challenge else 0)
        too_many = attempt.settle(right=right and challenge is not None)
        with self.work as work:
            held = self.challenges.hold_code(challenge, purpose, now)
            if challenge is not None and held and right and not too_many:
                return challenge
            self.challenges.spend_try(owner if held else NOBODY, purpose)
            self.journal.record(Tag.CODE_REFUSED, origin, now, account_id=account_id, purpose=purpose.value)
            work.commit()
        raise too_many or CodeInvalid
