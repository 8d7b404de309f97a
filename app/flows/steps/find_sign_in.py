"""Step: find the emailed sign-in of a link or a code. Completing the sign-in uses it up."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_sign_ins.store import NO_MAILBOX, PURPOSE, EmailSignInStore, PendingSignIn
from app.domain.tokens.codes import CodeInvalid, Codes
from app.domain.tokens.links import Links, LinkUsed


@dataclass(frozen=True, slots=True)
class FindSignIn:
    """Opens links and checks codes."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_sign_ins: EmailSignInStore
    links: Links
    codes: Codes
    journal: Journal

    def by_link(self, token: str) -> PendingSignIn:
        """The sign-in of a link. Raises `LinkInvalid`, `LinkExpired` or `LinkUsed`. Changes nothing."""
        attempt_digest, message_id = self.links.open(PURPOSE, token)
        pending = self.email_sign_ins.by_link(attempt_digest, message_id, self.clock.now())
        if pending is None:
            raise LinkUsed
        return pending

    def by_code(self, attempt: str, code: str, client: ClientInfo) -> PendingSignIn:
        """The sign-in of a code, for the client that asked for it. Raises `CodeInvalid` for any failure.

        An attempt for which no email was sent takes the same statements and the same commit as any other. The wrong
        codes of one attempt are counted, and how many attempts a mailbox has is limited by the emails that it gets.
        """
        now = self.clock.now()
        mailbox, message_id = self.email_sign_ins.by_attempt(attempt, now)
        right = self.codes.matches(code, PURPOSE, mailbox, message_id)
        account_id, _ = self.accounts.id_by_email(mailbox)
        with self.work as work:
            held = self.email_sign_ins.lock_code(attempt, now)
            if held and held == message_id and right:
                return self.email_sign_ins.locked(mailbox)
            self.email_sign_ins.count_wrong_code(mailbox if held else NO_MAILBOX)
            self.journal.record(EventType.CODE_FAILED, client, now, account_id=account_id, purpose=PURPOSE)
            work.commit()
        raise CodeInvalid
