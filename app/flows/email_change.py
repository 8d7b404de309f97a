"""Changing an address: asked in a fresh session, confirmed from the new one, undone from the old one for 72 hours."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Overtaken
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import Journal, Tag
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import ChallengeStore, OpenChallenge
from app.domain.mail.outbox import Outbox
from app.domain.sessions.model import OwnedSession
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.find_email_action import MeetChallenge
from app.flows.steps.require_recent_auth import RequireFresh
from app.flows.steps.require_unreserved_email import RequireUnreserved
from app.flows.steps.revoke_access import Cause, RevokeAccess

UNDO_TIME: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class EmailChange:
    """Moves an account to another address, and back."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    meet_challenge: MeetChallenge
    revoke_access: RevokeAccess
    require_unreserved: RequireUnreserved
    outbox: Outbox
    journal: Journal
    require_fresh: RequireFresh
    link_lifetime: timedelta

    def request(
        self, identity: OwnedSession[AccountSnapshot], email: str, password: str | None, origin: ClientInfo
    ) -> None:
        """Queue a letter to the new address and one to the old. Whether the new one is taken is not said here."""
        account, address, now = identity.owner, parse_address(email), self.clock.now()
        self.require_fresh(identity, password, origin)
        told = {"account_id": account.id, "locale": origin.language}
        with self.work as work:
            if not self.accounts.hold(account):
                raise Overtaken
            self.challenges.begin(account.id, Purpose.CHANGE_EMAIL, now + self.link_lifetime, address=address.typed)
            self.outbox.queue("email_change_confirm", now=now, address=address.typed, new_email=address.typed, **told)
            self.outbox.queue(
                "email_change_requested",
                now=now,
                address=account.email,
                new_email=address.typed,
                ip=origin.ip,
                user_agent=origin.user_agent,
                **told,
            )
            self.journal.record(Tag.EMAIL_CHANGE_ASKED, origin, now, account_id=account.id)
            work.commit()

    def check(self, token: str) -> None:
        """Raise what is wrong with a confirming link. Changes nothing."""
        self.meet_challenge.by_link(Purpose.CHANGE_EMAIL, token)

    def confirm(self, token: str, origin: ClientInfo) -> None:
        """The new address holds. `EmailTaken` if another account has it: its mailbox is shown to be ours by now."""
        if not self._change(self.meet_challenge.by_link(Purpose.CHANGE_EMAIL, token), origin):
            raise LinkUsed

    def confirm_with_code(self, identity: OwnedSession[AccountSnapshot], code: str, origin: ClientInfo) -> None:
        """The same by the code in the letter, in the session that asked."""
        canonical, device = identity.owner.email_canonical, identity.session.id
        challenge = self.meet_challenge.by_code(Purpose.CHANGE_EMAIL, canonical, code, origin, device)
        if not self._change(challenge, origin):
            raise CodeInvalid

    def check_undo(self, token: str) -> None:
        """Raise what is wrong with an undoing link. Changes nothing."""
        self.meet_challenge.by_link(Purpose.UNDO_EMAIL_CHANGE, token)

    def undo(self, token: str, origin: ClientInfo) -> None:
        """The old address holds again, every session ends, and no password fits until the reset that this starts.

        Whatever happened to the account since: a deletion that is scheduled is cancelled. An account that was disabled
        gets its address back too, and stays disabled.
        """
        challenge, now = self.meet_challenge.by_link(Purpose.UNDO_EMAIL_CHANGE, token), self.clock.now()
        if challenge.address is None:
            raise LinkUsed
        address = parse_address(challenge.address)
        with self.work as work:
            account = self.accounts.get_for_update(challenge.account_id)
            if account is None or not self.challenges.meet(challenge, Purpose.UNDO_EMAIL_CHANGE):
                raise LinkUsed
            self.accounts.restore_email(account, address, now)
            self.revoke_access(account.id, Cause.EMAIL_CHANGE_UNDONE, now)
            self.outbox.queue(
                "reset_password", now=now, address=address.typed, locale=origin.language, asked_by="owner"
            )
            self.journal.record(Tag.EMAIL_CHANGE_UNDONE, origin, now, account_id=account.id)
            work.commit()

    def _change(self, challenge: OpenChallenge, origin: ClientInfo) -> bool:
        account, now = self.accounts.by_id(challenge.account_id), self.clock.now()
        if account is None or challenge.address is None:
            return False
        address = parse_address(challenge.address)
        with self.work as work:
            if not self.accounts.set_email(account, address, now):
                return False
            if not self.challenges.meet(challenge, Purpose.CHANGE_EMAIL):
                return False
            self.require_unreserved(address, account.id, now)
            self.revoke_access(account.id, Cause.EMAIL_CHANGED, now)
            # Of several changes in a row only the first can be undone: the later ones may be a thief's.
            if self.challenges.reserve(account.id, now + UNDO_TIME, account.email, account.email_canonical, now):
                self.outbox.queue(
                    "email_changed",
                    now=now,
                    account_id=account.id,
                    address=account.email,
                    locale=origin.language,
                    new_email=challenge.address,
                )
            self.journal.record(Tag.EMAIL_CHANGED, origin, now, account_id=account.id)
            work.commit()
        return True
