"""Changing an address: asked in a fresh session, confirmed from the new one, undone from the old one for 72 hours."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.clock import Clock
from app.core.origin import Origin
from app.core.work import Work
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import OwnedSession
from app.domain.sessions.store import SessionStore
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.meet_challenge import MeetChallenge
from app.flows.steps.require_fresh import RequireFresh

UNDO_TIME: Final = timedelta(hours=72)
VOIDED: Final = (Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL)


@dataclass(frozen=True, slots=True)
class EmailChange:
    """Moves an account to another address, and back."""

    work: Work
    clock: Clock
    accounts: AccountStore
    sessions: SessionStore[AccountSnapshot]
    challenges: ChallengeStore
    meet_challenge: MeetChallenge
    outbox: Outbox
    journal: Journal
    require_fresh: RequireFresh
    link_lifetime: timedelta

    def request(
        self, identity: OwnedSession[AccountSnapshot], email: str, password: str | None, origin: Origin
    ) -> None:
        """Queue a letter to the new address and one to the old. Whether the new one is taken is not said here."""
        account, address, now = identity.owner, parse_address(email), self.clock.now()
        self.require_fresh(identity, password, origin)
        told = {"account_id": account.id, "locale": origin.language}
        with self.work as work:
            self.challenges.begin(
                account.id, Purpose.CHANGE_EMAIL, now + self.link_lifetime, address=address.typed
            )  # fmt: skip
            self.outbox.queue("email_change_confirm", now=now, address=address.typed, new_email=address.typed, **told)
            self.outbox.queue(
                "email_change_requested", now=now, address=account.email, new_email=address.typed,
                ip=origin.ip, user_agent=origin.user_agent, **told,
            )  # fmt: skip
            self.journal.record(Tag.EMAIL_CHANGE_ASKED, origin, now, account_id=account.id)
            work.commit()

    def check(self, token: str) -> None:
        """Raise what is wrong with a confirming link. Changes nothing."""
        self.meet_challenge.by_link(Purpose.CHANGE_EMAIL, token)

    def confirm(self, token: str, origin: Origin) -> None:
        """The new address holds. `EmailTaken` if another account has it: its mailbox is shown to be ours by now."""
        if not self._change(self.meet_challenge.by_link(Purpose.CHANGE_EMAIL, token), origin):
            raise LinkUsed

    def confirm_with_code(self, identity: OwnedSession[AccountSnapshot], code: str, origin: Origin) -> None:
        """The same by the code in the letter, in the session that asked."""
        canonical, device = identity.owner.email_canonical, identity.session.id
        challenge = self.meet_challenge.by_code(Purpose.CHANGE_EMAIL, canonical, code, origin, device)
        if not self._change(challenge, origin):
            raise CodeInvalid

    def check_undo(self, token: str) -> None:
        """Raise what is wrong with an undoing link. Changes nothing."""
        self.meet_challenge.by_link(Purpose.UNDO_EMAIL_CHANGE, token)

    def undo(self, token: str, origin: Origin) -> None:
        """The old address holds again, every session ends, and no password fits until the reset that this starts."""
        challenge, now = self.meet_challenge.by_link(Purpose.UNDO_EMAIL_CHANGE, token), self.clock.now()
        account = self.accounts.by_id(challenge.account_id)
        if account is None or challenge.address is None:
            raise LinkUsed
        address = parse_address(challenge.address)
        with self.work as work:
            met = self.challenges.meet(challenge, Purpose.UNDO_EMAIL_CHANGE)
            if not met or not self.accounts.set_email(account, address, now, lock=True):
                raise LinkUsed
            self.challenges.void(account.id, VOIDED)
            self.sessions.end_all(account.id, now)
            self.outbox.queue(
                "reset_password", now=now, address=address.typed, locale=origin.language, asked_by="owner"
            )  # fmt: skip
            self.journal.record(Tag.EMAIL_CHANGE_UNDONE, origin, now, account_id=account.id)
            work.commit()

    def _change(self, challenge: OpenChallenge, origin: Origin) -> bool:
        account, now = self.accounts.by_id(challenge.account_id), self.clock.now()
        if account is None or challenge.address is None:
            return False
        with self.work as work:
            met = self.challenges.meet(challenge, Purpose.CHANGE_EMAIL)
            if not met or not self.accounts.set_email(account, parse_address(challenge.address), now):
                return False
            self.challenges.void(account.id, VOIDED)
            # Of several changes in a row only the first can be undone: the later ones may be a thief's.
            if self.challenges.begin_unless_open(
                account.id, Purpose.UNDO_EMAIL_CHANGE, now + UNDO_TIME, account.email, now
            ):
                self.outbox.queue(
                    "email_changed", now=now, account_id=account.id, address=account.email,
                    locale=origin.language, new_email=challenge.address,
                )  # fmt: skip
            self.journal.record(Tag.EMAIL_CHANGED, origin, now, account_id=account.id)
            work.commit()
        return True
