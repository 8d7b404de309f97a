"""Delivers what waits in the outbox. Links are made here, at the last moment, and rest nowhere."""

import logging
import random
import threading
from contextlib import nullcontext

from app.core.background import BackgroundTask, Context, log_failure, run_periodically
from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, DROPPED, SENT, QueuedMessage
from app.domain.mail.outbox import FAILING, LeaseLost, Outbox
from app.domain.mail.rate_limit import TooSoon
from app.domain.mail.renderer import EmailRenderer
from app.domain.mail.retry_policy import next_attempt
from app.domain.mail.smtp import SmtpConnection, SmtpTransport
from app.domain.mail.smtp_errors import MailServerUnavailable, ServiceRejected, TemporaryFailure, Undeliverable
from app.flows.steps.compose_email import ComposeEmail, SkipEmail

NAME = "mail delivery"

logger = logging.getLogger(__name__)


class MailDelivery:
    """Sends each email once if all goes well, twice at worst, and never forgets one."""

    def __init__(
        self,
        work: UnitOfWork,
        clock: Clock,
        outbox: Outbox,
        compose: ComposeEmail,
        renderer: EmailRenderer,
        transport: SmtpTransport,
        jitter: random.Random,
    ) -> None:
        self._work, self._clock, self._outbox = work, clock, outbox
        self._compose, self._renderer, self._transport, self._jitter = compose, renderer, transport, jitter

    def run(self, stop: threading.Event, poll_seconds: float = 1.0, context: Context = nullcontext) -> None:
        """Deliver until `stop` is set, also after outages of the database and of the mail server."""
        run_periodically(NAME, self.deliver_due, stop, poll_seconds=poll_seconds, context=context)

    def start(self, context: Context) -> BackgroundTask:
        """Deliver in a thread until `stop()` of the task is called."""
        return BackgroundTask(NAME, self.deliver_due, context)

    def deliver_due(self, stop: threading.Event | None = None) -> int:
        """Deliver one batch, and return the number of messages in it.

        Raises `TemporaryFailure` if the mail server is unavailable or rejects this service; the messages stay in the
        outbox, and one of them says why.
        """
        if not self._outbox.has_due(self._clock.now()):
            return 0
        try:
            with self._transport.open() as connection:  # before claiming: an outage costs no email an attempt
                return self._deliver_batch(connection, stop)
        except TemporaryFailure as failure:
            self._outbox.note_failure(self._clock.now(), failure.message)
            raise

    def _deliver_batch(self, connection: SmtpConnection, stop: threading.Event | None) -> int:
        with self._work as work:
            messages = self._outbox.claim(self._clock.now())
            work.commit()
        for position, message in enumerate(messages):
            if stop is not None and stop.is_set():
                self._release(messages[position:], "the deliverer was stopped")
                return position
            try:
                self._deliver(message, connection)
            except TemporaryFailure as failure:
                self._release(messages[position:], FAILING + failure.message)
                raise
        return len(messages)

    def _release(self, messages: list[QueuedMessage], reason: str) -> None:
        for message in messages:
            self._outbox.release(message, self._clock.now(), reason)

    def _deliver(self, message: QueuedMessage, connection: SmtpConnection) -> None:
        try:
            ready = self._compose(message)
            connection.send(
                ready.address, self._renderer.render(ready.kind, ready.locale, ready.values), message.message_id
            )
        except LeaseLost:
            return
        except TooSoon as early:
            self._wait(message, early)
        except SkipEmail as skipped:
            self._finish(message, DROPPED, str(skipped))
        except Undeliverable as refused:
            self._finish(message, DEAD, str(refused))
        except TemporaryFailure:
            raise
        except ServiceRejected as rejected:
            logger.warning("email %s (%s) waits: %s", message.id, message.kind, rejected.message)
            self._postpone(message, FAILING + rejected.message)
        except MailServerUnavailable as refused:
            self._postpone(message, refused.message)
        except Unavailable:
            raise
        except Exception as bug:
            log_failure(f"email {message.id} ({message.kind}) failed", bug)
            self._postpone(message, f"unexpected {type(bug).__name__}")
        else:
            self._finish(message, SENT)

    def _wait(self, message: QueuedMessage, early: TooSoon) -> None:
        # The newest of those that wait answers all who asked. Until then the link of the last one sent still works.
        if self._outbox.postpone(message, early.until, str(early)):
            self._outbox.drop_older(message, self._clock.now())

    def _finish(self, message: QueuedMessage, state: str, reason: str | None = None) -> None:
        if self._outbox.finish(message, state, self._clock.now(), reason):
            logger.info("email %s (%s) %s at attempt %s", message.id, message.kind, state, message.attempts)

    def _postpone(self, message: QueuedMessage, reason: str) -> None:
        now = self._clock.now()
        due_at = next_attempt(message.attempts, message.created_at, now, self._jitter)
        if due_at is None:
            self._finish(message, DEAD, f"given up: {reason}")
        else:
            self._outbox.postpone(message, due_at, reason)
