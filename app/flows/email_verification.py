"""Verification: show that letters to an address reach its owner."""

from dataclasses import dataclass

from app.core.clock import Clock
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.emails import parse_address
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.meet_challenge import MeetChallenge


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Confirms addresses and sends their letters again."""

    work: Work
    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    meet_challenge: MeetChallenge
    outbox: Outbox
    journal: Journal

    def resend(self, email: str, origin: Origin) -> None:
        """Queue the letter again. One statement for every address: whether it needs one is found out on delivery."""
        canonical = parse_address(email).canonical
        self.outbox.add_now("verify_email", canonical, self.clock.now(), locale=origin.language)

    def check(self, token: str) -> None:
        """Raise what is wrong with a link. Changes nothing."""
        self.meet_challenge.by_link(Purpose.VERIFY_EMAIL, token)

    def confirm(self, token: str, origin: Origin) -> None:
        """The address is verified; the link is used up."""
        if not self._verify(self.meet_challenge.by_link(Purpose.VERIFY_EMAIL, token), origin):
            raise LinkUsed

    def confirm_with_code(self, email: str, code: str, origin: Origin) -> None:
        """The same by the code in the letter; `CodeInvalid` for any failure."""
        canonical = parse_address(email).canonical
        if not self._verify(self.meet_challenge.by_code(Purpose.VERIFY_EMAIL, canonical, code, origin), origin):
            raise CodeInvalid

    def _verify(self, challenge: OpenChallenge, origin: Origin) -> bool:
        account, now = self.accounts.by_id(challenge.account_id), self.clock.now()
        if account is None:
            return False
        with self.work as work:
            if not self.challenges.meet(challenge, Purpose.VERIFY_EMAIL):
                return False
            if self.accounts.verify_email(account, now):
                self.journal.record(Tag.EMAIL_VERIFIED, origin, now, account_id=account.id)
            work.commit()
        return True
