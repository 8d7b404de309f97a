"""Twenty times `kill -9`, of serving and of delivering processes by turns: nothing that was acknowledged is lost.

Clients sign people up, refresh their tokens and forget their passwords all the while. What a client was promised is
looked for afterwards: the account by signing in, the session by its last refresh token, the emails in the mailbox.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from app import create_app, migrate
from config import Settings, load
from tests.faults import drill
from tests.faults.drill import Client, Reply, Report, statuses, until
from tests.support.apps import close
from tests.support.ports import unused_port
from tests.support.process_pool import ProcessPool
from tests.support.servers import new_database
from tests.support.smtp import FakeSmtpServer

SUBJECTS = ("Welcome! Please confirm your address", "Choose a new password")
LEASE = 2.0  # seconds: who was killed holds its emails for no longer
MOST_TWICE = 20
REFRESHES = 4  # of each session
PATIENCE = 90


@dataclass(frozen=True)
class Size:
    """People, each of whom signs up and forgets the password; clients that do it for them; processes killed."""

    people: int
    clients: int
    kills: int


@dataclass
class Acknowledged:
    """What the service said yes to, and every answer."""

    replies: list[Reply] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    emails: set[tuple[str, str]] = field(default_factory=set)


class Target:
    """Two servers and two deliverers on one database; whoever is killed is replaced."""

    def __init__(self, settings: Settings, process_pool: ProcessPool) -> None:
        self._settings, self._process_pool = settings, process_pool
        self.ports = [self._serve(), self._serve()]
        self._deliverers = [self._process_pool.deliver(settings, lease=LEASE) for _ in range(2)]

    def _serve(self) -> int:
        return int(self._process_pool.serve(self._settings).rpartition(":")[2])

    def kill(self, number: int) -> None:
        """A server, then a deliverer, then the other server, then the other deliverer."""
        place = number // 2 % 2
        if number % 2 == 0:
            self._process_pool.kill(self._process_pool.pid_of(f"http://127.0.0.1:{self.ports[place]}"))
            self.ports[place] = self._serve()
        else:
            self._process_pool.kill(self._deliverers[place])
            self._deliverers[place] = self._process_pool.deliver(self._settings, lease=LEASE)


def live(target: Target, numbers: Iterator[int], people: int, known: Acknowledged) -> None:
    """Sign people up, refresh, forget passwords. Without an answer a client asks again, elsewhere, as an app would."""
    for number in iter(lambda: next(numbers), None):
        if number >= people:
            return
        email = f"person{number}@example.com"
        signed_up = persist(target, number, "/auth/signup", drill.credentials(email), known)
        if signed_up.status in (201, 409):  # 409: the account was created, and the answer lost
            known.accounts.add(email)
            known.emails.add((email, SUBJECTS[0]))
        if signed_up.status == 201:
            refresh(target, number, email, signed_up.body["refresh_token"], known)
        if persist(target, number, "/forgot-password", {"email": email}, known).status == 200:
            known.emails.add((email, SUBJECTS[1]))


def refresh(target: Target, number: int, email: str, token: str, known: Acknowledged) -> None:
    """Refresh in turn at both servers. The last token that was received must work whatever is killed meanwhile."""
    for turn in range(REFRESHES):
        reply = persist(target, number + turn, "/auth/refresh", {"refresh_token": token}, known)
        if reply.status != 200:
            known.refresh_tokens[email] = ""  # the session was lost
            return
        token = known.refresh_tokens[email] = reply.body["refresh_token"]


def persist(target: Target, number: int, path: str, body: dict[str, str], known: Acknowledged) -> Reply:
    """Send until there is an answer."""
    while True:
        client = Client(target.ports[number % 2])
        reply = client.api("POST", path, body)
        client.close()
        known.replies.append(reply)
        number += 1
        if reply.status not in (drill.UNANSWERED, 503):
            return reply
        time.sleep(0.01)


def kill_by_turns(target: Target, known: Acknowledged, size: Size) -> None:
    """Spread the kills over the whole of the load."""
    every = size.people / (size.kills + 1)
    for number in range(size.kills):
        until(lambda due=every * (number + 1): len(known.accounts) >= due, PATIENCE, pause=0.002)
        target.kill(number)


@contextmanager
def opened(url: str, port: int) -> Iterator[Target]:
    """The service in processes that can be killed."""
    with TemporaryDirectory() as folder:
        settings = load(
            {}, app_env="testing", instance_path=Path(folder), database_url=url, mail_server="127.0.0.1",
            mail_port=port, mail_deliverer="off", bcrypt_rounds=4, ratelimit_enabled=False, hash_slots=64,
        )  # fmt: skip
        app = create_app(settings)
        migrate(app)
        close(app)
        process_pool = ProcessPool()
        try:
            yield Target(settings, process_pool)
        finally:
            process_pool.close()


def crashes(kind: str, size: Size, report: Report) -> None:
    """Load, kill, look for what was acknowledged."""
    known, numbers, smtp_server = Acknowledged(), count(), FakeSmtpServer(port=unused_port())
    with new_database(kind) as url, smtp_server.open(), opened(url, smtp_server.port) as target:
        killer = threading.Thread(target=kill_by_turns, args=(target, known, size))
        killer.start()
        with ThreadPoolExecutor(size.clients) as clients:
            list(clients.map(lambda _: live(target, numbers, size.people, known), range(size.clients)))
        killer.join()
        until(lambda: not missing(smtp_server, known), PATIENCE)
        until(lambda: not drill.ask(url, "SELECT 1 FROM outbox WHERE state = 'queued'"), PATIENCE)
        client = Client(target.ports[0])
        shut_out = [who for who in known.accounts if not signs_in(client, who)]
        signed_out = [who for who, token in known.refresh_tokens.items() if not refreshes(client, token)]
        client.close()
        ids = dict(drill.ask(url, "SELECT message_id, state FROM outbox"))
    came = Counter(str(received.message["Message-ID"]) for received in smtp_server.messages)
    twice = sum(times - 1 for times in came.values())
    report.figure("processes killed", size.kills)
    report.figure("answers", statuses(known.replies))
    report.promise("answers that were mistakes", drill.mistakes(known.replies), drill.mistakes(known.replies) == 0)
    report.promise("accounts lost", f"{len(shut_out)} of {len(known.accounts):,}", not shut_out)
    sessions = len(known.refresh_tokens)
    report.promise("sessions lost", f"{len(signed_out)} of {sessions:,}, {REFRESHES} refreshes each", not signed_out)
    lost = missing(smtp_server, known)
    report.promise("emails lost", f"{len(lost)} of {len(known.emails):,}", not lost)
    report.promise(f"emails that came twice (<= {MOST_TWICE})", twice, twice <= MOST_TWICE)
    strange = came.keys() - ids.keys()
    report.promise("emails whose Message-ID is not their row's", len(strange), not strange)


def missing(smtp_server: FakeSmtpServer, known: Acknowledged) -> set[tuple[str, str]]:
    """The emails that were promised and have not come."""
    return known.emails - {
        (received.recipients[0], str(received.message["Subject"])) for received in smtp_server.messages.copy()
    }


def signs_in(client: Client, email: str) -> bool:
    """Whether the account is there and has its password."""
    return client.api("POST", "/auth/login", drill.credentials(email)).status == 200


def refreshes(client: Client, token: str) -> bool:
    """Whether the session of the refresh token is alive."""
    return client.api("POST", "/auth/refresh", {"refresh_token": token}).status == 200


if __name__ == "__main__":
    drill.run(crashes, says=__doc__, full=Size(1_000, 8, 20), quick=Size(150, 8, 6))
