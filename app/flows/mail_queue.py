"""The mail queue: the state of each message, and retries of failed ones."""

from dataclasses import dataclass

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Conflict, NotFound
from app.core.pagination import Page, paginate_by_id
from app.core.unit_of_work import UnitOfWork
from app.domain.audit.journal import EventType, Journal
from app.domain.mail.listing import ListedMessage, OutboxSummary
from app.domain.mail.outbox import Outbox
from app.flows.steps.require_administrator import Administrator, RequireAdministrator


class MessageNotFound(NotFound):
    """No email has this id; finished ones are forgotten after a while."""

    detail = "There is no email with this id."


class NothingToRetry(Conflict):
    """An email that was sent or dropped, or that is due anyway."""

    code = "nothing_to_retry"


@dataclass(frozen=True, slots=True)
class MailQueue:
    """The outbox in the hands of an operator, who never sees what an email says or a whole address."""

    work: UnitOfWork
    clock: Clock
    outbox: Outbox
    journal: Journal
    require_administrator: RequireAdministrator

    def recent(self, state: str | None = None, limit: int = 50) -> list[ListedMessage]:
        """The newest emails, in any state or in one."""
        return self.outbox.recent(state, limit)

    def page(self, state: str | None, after: str | None, limit: int) -> Page[ListedMessage]:
        """The same a page at a time; `InvalidCursor`."""
        return paginate_by_id(lambda before, most: self.outbox.recent(state, most, before), after, limit)

    def summary(self) -> OutboxSummary:
        """How many emails there are in each state, and how long the oldest has waited."""
        return self.outbox.summary(self.clock.now())

    def show(self, message_id: int) -> ListedMessage:
        """One email, or `NoSuchMail`."""
        message = self.outbox.show(message_id)
        if message is None:
            raise MessageNotFound
        return message

    def retry(self, message_id: int, by: Administrator = None) -> None:
        """Make a dead or postponed email due now, or say why not: `NoSuchMail`, `NothingToRetry`."""
        actor, now = self.require_administrator(by), self.clock.now()
        with self.work as work:
            if self.outbox.retry(message_id, now):
                self.journal.record(
                    EventType.MAIL_RETRIED, ClientInfo(), now, account_id=None, **actor, message=message_id
                )
                return work.commit()
        state = self.show(message_id).state
        state = "due already" if state == "queued" else state
        raise NothingToRetry(f"Message {message_id} is {state}. Only a dead or a postponed message can be retried.")

    def retry_dead(self) -> int:
        """Make every dead email due now; how many that were."""
        actor, now = self.require_administrator(None), self.clock.now()
        with self.work as work:
            count = self.outbox.retry_dead(now)
            if count:
                self.journal.record(EventType.MAIL_RETRIED, ClientInfo(), now, account_id=None, **actor, count=count)
            work.commit()
        return count
