"""The mail server refuses, hangs, says no or drops the line: callers do not notice, and every email arrives later.

Windows with and without the mail server take turns, under the same paced load of sign-ups and forgotten passwords.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.faults import drill
from tests.faults.drill import Client, Reply, Report, ms, percentile, statuses, until
from tests.support.ports import unused_port
from tests.support.servers import new_database
from tests.support.smtp import FakeSmtpServer, answer, drop

SUBJECTS = {"signup": "Welcome! Please confirm your address", "forgot": "Choose a new password"}
MUCH_SLOWER, ENOUGH = 1.2, 500  # a p99 of fewer requests is one request
SOON, LATE = 60, 150  # seconds: nearly every email is out; an email that is not counts as lost


@dataclass(frozen=True)
class Size:
    """Of each fault: windows, their seconds, and people in a second, each of whom asks for two emails."""

    windows: int
    seconds: float
    people: int


@dataclass
class Window:
    """What happened in one."""

    replies: list[Reply] = field(default_factory=list)
    owed: set[tuple[str, str]] = field(default_factory=set)


def send(port: int, first: int, people: int, pause: float) -> Window:
    """Let people sign up and forget their password, one after the other at a steady pace."""
    window, client, began = Window(), Client(port), time.monotonic()
    for number in range(people):
        time.sleep(max(0, began + number * pause - time.monotonic()))
        email = f"writer{first + number}@example.com"
        for kind, path, body in (
            ("signup", "/auth/signup", drill.credentials(email)), ("forgot", "/forgot-password", {"email": email})
        ):  # fmt: skip
            window.replies.append(reply := client.api("POST", path, body))
            if reply.status < 300:
                window.owed.add((email, kind))
    return window


@contextmanager
def someone_who_says(port: int, words: bytes) -> Iterator[None]:
    """At the mail server's place, one who says this to whoever comes, or else keeps them waiting, even afterwards."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        callers: list[socket.socket] = []

        def listen() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                callers.append(caller)
                if words:
                    caller.sendall(words)
                    caller.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    _kept_waiting.extend(callers)


_kept_waiting: list[socket.socket] = []


@contextmanager
def bad_smtp_server(smtp_server: FakeSmtpServer, behaviour: Callable[..., object]) -> Iterator[None]:
    """The mail server, which treats every email like this."""
    smtp_server.at_data["*"] = behaviour  # type: ignore[assignment]
    try:
        with smtp_server.open():
            yield
    finally:
        del smtp_server.at_data["*"]


def faults(smtp_server: FakeSmtpServer) -> dict[str, Callable[[], AbstractContextManager[object]]]:
    """Each fault, to be entered while nobody listens on the mail server's port."""
    return {
        "refused": ExitStack,
        "hanging": lambda: someone_who_says(smtp_server.port, b""),
        "451 at DATA": lambda: bad_smtp_server(smtp_server, answer("451 4.3.0 try again later")),
        "554 greeting": lambda: someone_who_says(smtp_server.port, b"554 5.3.2 no service here\r\n"),
        "dropped after DATA": lambda: bad_smtp_server(smtp_server, drop),
    }


class Outages:
    """One service with a mail server that comes and goes."""

    def __init__(self, port: int, smtp_server: FakeSmtpServer, pool: ProcessPoolExecutor, size: Size) -> None:
        self._port, self._smtp_server, self._pool, self._size = port, smtp_server, pool, size
        self._next = 1
        self.owed: set[tuple[str, str]] = set()

    def window(self) -> Window:
        """Load for a while, from another process."""
        people = int(self._size.seconds * self._size.people)
        first, self._next = self._next, self._next + people
        window = self._pool.submit(send, self._port, first, people, 1 / self._size.people).result()
        self.owed |= window.owed
        return window

    def arrived(self) -> set[tuple[str, str]]:
        """Which of the emails that are owed have come."""
        came = {
            (received.recipients[0], str(received.message["Subject"])) for received in self._smtp_server.messages.copy()
        }
        return {(email, kind) for email, kind in self.owed if (email, SUBJECTS[kind]) in came}

    def outage(self, fault: Callable[[], AbstractContextManager[object]]) -> tuple[Window, Window, float, float]:
        """A window with mail, one without, and the seconds until 95 % and all of the emails were out."""
        with self._smtp_server.open():
            usual = self.window()
            until(lambda: self.arrived() >= self.owed, LATE)
        before = self.owed.copy()
        with fault():
            other = self.window()
        late = self.owed - before - self.arrived()
        with self._smtp_server.open():
            soon = until(lambda: len(late & self.arrived()) >= 0.95 * len(late), LATE)
            return usual, other, soon, soon + until(lambda: self.arrived() >= self.owed, LATE)


def p99(windows: Sequence[Window]) -> float:
    """Of all their requests."""
    return percentile([reply.seconds for window in windows for reply in window.replies], 99)


def tell(name: str, found: Sequence[tuple[Window, Window, float, float]], report: Report) -> None:
    """The figures of one fault."""
    usual, other = [each[0] for each in found], [each[1] for each in found]
    replies = [reply for window in other for reply in window.replies]
    report.figure(f"{name}: answers", statuses(replies))
    ratio = p99(other) / p99(usual)
    said = f"{name}: p99 beside normal (<= {MUCH_SLOWER})", f"{ms(p99(other))}, {ratio:.2f} times"
    if len(replies) < ENOUGH:
        report.figure(*said)
    else:
        report.promise(*said, ratio <= MUCH_SLOWER)
    soon = max(each[2] for each in found)
    report.promise(f"{name}: 95 % out after its return (<= {SOON} s)", f"{soon:.1f} s", soon <= SOON)
    report.figure(f"{name}: all out after its return", f"{max(each[3] for each in found):.1f} s")
    refused = sum(reply.status >= 300 or not reply.status for reply in replies)
    report.promise(f"{name}: requests that failed", refused, refused == 0)


def mail_outages(kind: str, size: Size, report: Report) -> None:
    """Each fault in turn."""
    smtp_server = FakeSmtpServer(port=unused_port())
    anew = get_context("spawn")  # a fork would hold the mail server's port open
    with new_database(kind) as url, ProcessPoolExecutor(1, anew) as pool:
        with drill.service(url, mail_port=smtp_server.port, mail_deliverer="thread") as port:
            outages = Outages(port, smtp_server, pool, size)
            with smtp_server.open():  # the first emails of a process cost more than later ones
                outages.window()
                until(lambda: outages.arrived() >= outages.owed, LATE)
            for name, fault in faults(smtp_server).items():
                tell(name, [outages.outage(fault) for _ in range(size.windows)], report)
        lost = outages.owed - outages.arrived()
        [(dead,)] = drill.ask(url, "SELECT count(*) FROM outbox WHERE state = 'dead'")
    ids = Counter(str(received.message["Message-ID"]) for received in smtp_server.messages)
    report.promise("emails lost", f"{len(lost)} of {len(outages.owed):,}", not lost)
    report.promise("emails given up", dead, dead == 0)
    report.figure("emails that came twice, under one Message-ID", sum(times > 1 for times in ids.values()))


if __name__ == "__main__":
    drill.run(mail_outages, says=__doc__, full=Size(3, 6, 20), quick=Size(1, 1, 20))
