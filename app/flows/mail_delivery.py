"""Delivers what waits in the outbox. Links are made here, at the last moment, and rest nowhere."""

import logging
import random
import threading
from contextlib import nullcontext
from functools import partial

from app.core.background import Context, Rounds, make_rounds, report
from app.core.clock import Clock
from app.core.errors import Busy
from app.core.unit_of_work import UnitOfWork
from app.domain.mail.model import DEAD, DROPPED, SENT, QueuedLetter
from app.domain.mail.outbox import LeaseLost, Outbox
from app.domain.mail.rate_limit import TooSoon
from app.domain.mail.renderer import Letters
from app.domain.mail.retry_policy import next_attempt
from app.domain.mail.smtp import PostRound, SmtpPost
from app.domain.mail.smtp_errors import PostClosed, PostUnavailable, Undeliverable
from app.flows.steps.compose_email import NobodyToTell, PrepareLetter

NAME = "mail delivery"

logger = logging.getLogger(__name__)


class MailDelivery:
    """Sends each letter once if all goes well, twice at worst, and never forgets one."""

    def __init__(
        self,
        work: UnitOfWork,
        clock: Clock,
        outbox: Outbox,
        prepare: PrepareLetter,
        letters: Letters,
        post: SmtpPost,
        jitter: random.Random,
    ) -> None:
        self._work, self._clock, self._outbox = work, clock, outbox
        self._prepare, self._letters, self._post, self._jitter = prepare, letters, post, jitter

    def deliver_due(self) -> int:
        """Deliver one batch; the number of letters taken up. Without a mail server none is, and none is lost."""
        try:
            return self._deliver_batch()
        except PostClosed as closed:
            logger.warning("no mail server: %s", closed.message)
            return 0

    def run(self, stop: threading.Event, poll_seconds: float = 1.0, context: Context = nullcontext) -> None:
        """Deliver until told to stop, through outages of the database and of the mail server."""
        make_rounds(
            NAME, self._deliver_batch, stop=stop, poll_seconds=poll_seconds, context=context, jitter=self._jitter
        )

    def start(self, context: Context) -> Rounds:
        """Run in a thread, each round within `context()`. `stop()` on what this gives back ends it."""
        rounds = Rounds(NAME, partial(self.run, context=context))
        rounds.start()
        return rounds

    def _deliver_batch(self, stop: threading.Event | None = None) -> int:
        if not self._outbox.has_due(self._clock.now()):
            return 0
        with self._post.open() as post_round:  # before claiming: an outage costs no letter an attempt
            with self._work as work:
                letters = self._outbox.claim(self._clock.now())
                work.commit()
            for position, letter in enumerate(letters):
                if stop is not None and stop.is_set():
                    self._hand_back(letters[position:], "the deliverer was stopped")
                    return position
                try:
                    self._deliver(letter, post_round)
                except PostClosed as closed:
                    self._hand_back(letters[position:], closed.message)
                    raise
        return len(letters)

    def _hand_back(self, letters: list[QueuedLetter], reason: str) -> None:
        for letter in letters:
            self._outbox.hand_back(letter, self._clock.now(), reason)

    def _deliver(self, letter: QueuedLetter, post_round: PostRound) -> None:
        try:
            ready = self._prepare(letter)
            post_round.send(
                ready.address, self._letters.render(ready.kind, ready.locale, ready.values), letter.message_id
            )
        except LeaseLost:
            return
        except TooSoon as early:
            self._wait(letter, early)
        except NobodyToTell as nobody:
            self._finish(letter, DROPPED, str(nobody))
        except Undeliverable as refused:
            self._finish(letter, DEAD, str(refused))
        except PostClosed:
            raise
        except PostUnavailable as refused:
            self._try_later(letter, refused.message)
        except Busy:
            raise
        except Exception as bug:
            report(f"letter {letter.id} ({letter.kind}) failed", bug)
            self._try_later(letter, f"unexpected {type(bug).__name__}")
        else:
            self._finish(letter, SENT)

    def _wait(self, letter: QueuedLetter, early: TooSoon) -> None:
        # The newest of those that wait answers all who asked. Until then the link of the last one sent still works.
        if self._outbox.postpone(letter, early.until, str(early)):
            self._outbox.replace_older(letter, self._clock.now())

    def _finish(self, letter: QueuedLetter, state: str, reason: str | None = None) -> None:
        if self._outbox.finish(letter, state, self._clock.now(), reason):
            logger.info("letter %s (%s) %s at attempt %s", letter.id, letter.kind, state, letter.attempts)

    def _try_later(self, letter: QueuedLetter, reason: str) -> None:
        now = self._clock.now()
        due_at = next_attempt(letter.attempts, letter.created_at, now, self._jitter)
        if due_at is None:
            self._finish(letter, DEAD, f"given up: {reason}")
        else:
            self._outbox.postpone(letter, due_at, reason)
