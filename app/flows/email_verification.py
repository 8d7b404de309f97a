"""Verification: show that emails to an address reach its owner, and let that owner say that they opened the account."""

from dataclasses import dataclass
from datetime import datetime

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.find_email_action import MeetChallenge
from app.flows.steps.recognize_device import KnownDevice
from app.flows.steps.revoke_access import Cause, RevokeAccess


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What the owner of a mailbox should know before confirming: which account, opened when."""

    email: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """Confirms addresses, sends their emails again, and gives an account that a stranger opened to its owner."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    meet_challenge: MeetChallenge
    known_device: KnownDevice
    revoke_access: RevokeAccess
    outbox: Outbox
    journal: Journal

    def resend(self, email: str, origin: ClientInfo) -> None:
        """Queue the letter again. One statement for every address: whether it needs one is found out on delivery."""
        canonical = parse_address(email).canonical
        self.outbox.add_now("verify_email", canonical, self.clock.now(), locale=origin.language)

    def check(self, token: str) -> Unconfirmed:
        """The account that a link would confirm; raises what is wrong with the link. Changes nothing."""
        account = self.accounts.by_id(self.meet_challenge.by_link(Purpose.VERIFY_EMAIL, token).account_id)
        if account is None:
            raise LinkUsed
        return Unconfirmed(account.email, account.created_at)

    def confirm(self, token: str, origin: ClientInfo) -> None:
        """The address is verified; the link is used up.

        A link may be opened by somebody who never signed up: then the sessions are a stranger's. So this ends those
        that were opened elsewhere, unless the caller shows a device token of the account.
        """
        challenge = self.meet_challenge.by_link(Purpose.VERIFY_EMAIL, token)
        if not self._verify(challenge, origin, other_devices_stay=False):
            raise LinkUsed

    def confirm_with_code(self, email: str, code: str, origin: ClientInfo) -> None:
        """The same by the code in the letter; `CodeInvalid` for any failure.

        No session ends: the code is typed where somebody has just signed up and was asked for it.
        """
        canonical = parse_address(email).canonical
        challenge = self.meet_challenge.by_code(Purpose.VERIFY_EMAIL, canonical, code, origin)
        if not self._verify(challenge, origin, other_devices_stay=True):
            raise CodeInvalid

    def claim(self, token: str, origin: ClientInfo) -> None:
        """The owner of the mailbox did not open this account: everybody else is locked out of it.

        Every session ends, no password fits, and a reset starts that lets the owner choose one. Raises `LinkUsed` for
        an address that was confirmed before: its account is the owner's already, and `not_me` is the way.
        """
        challenge, now = self.meet_challenge.by_link(Purpose.VERIFY_EMAIL, token), self.clock.now()
        with self.work as work:
            account = self.accounts.get_for_update(challenge.account_id)
            if account is None or account.email_verified:
                raise LinkUsed
            if not self.challenges.meet(challenge, Purpose.VERIFY_EMAIL):
                raise LinkUsed
            self.accounts.lock(account.id, account.credentials_version, now, verified=True)
            self.revoke_access(account.id, Cause.CLAIMED, now)
            self.outbox.queue(
                "reset_password", now=now, address=account.email, locale=origin.language, asked_by="owner"
            )
            self.journal.record(Tag.ACCOUNT_CLAIMED, origin, now, account_id=account.id)
            work.commit()

    def _verify(self, challenge: OpenChallenge, origin: ClientInfo, *, other_devices_stay: bool) -> bool:
        now = self.clock.now()
        with self.work as work:
            account = self.accounts.get_for_update(challenge.account_id)
            if account is None or not self.challenges.meet(challenge, Purpose.VERIFY_EMAIL):
                return False
            if self.accounts.verify_email(account, now):
                self.journal.record(Tag.EMAIL_VERIFIED, origin, now, account_id=account.id)
                if not other_devices_stay and not self.known_device(account, origin):
                    self.revoke_access.of_other_devices(account.id, origin, now)
            work.commit()
        return True
