"""An attacker with a stopwatch learns nothing of who has an account: AUC over interleaved pairs, with and without mail.

0.5 is a coin, 1 is certainty. The two requests of a pair differ in the address alone, and come in random order. Hashes
are cheap here, so that they hide nothing; but where it matters how an account's hash was made.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from werkzeug.security import generate_password_hash

from app.domain.email_sign_ins.store import digest_of
from tests.faults import drill
from tests.faults.drill import Client, Reply, Report, ms, percentile
from tests.support.ports import unused_port
from tests.support.servers import new_database
from tests.support.smtp import FakeSmtpServer

MOST, FULL_PAIRS = 0.10, 300
EACH = 20  # accounts of a kind: the same one over and over would only be found in a cache
KINDS = {
    "known": "UPDATE accounts SET email_verified_at = created_at",
    "unverified": "",
    "disabled": "UPDATE accounts SET email_verified_at = created_at, disabled_at = created_at",
}
BURST = 8  # guesses at one code
ROUNDS = 10  # of bcrypt, where the time of a hash is looked at
HASHES = {  # both take a small part of the time of one at that cost
    "foreign": generate_password_hash("another horse battery", "pbkdf2:sha256:60000"),
    "earlier": "$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS",
}
NEVER = "2099-01-01 00:00:00"
_new = count(1)


@dataclass(frozen=True)
class Size:
    """How often a pair is sent."""

    pairs: int


@dataclass
class Arm:
    """One side of a pair: which address to name, and what came of it."""

    name: str
    address: Callable[[], str]
    replies: list[Reply] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """How long each took."""
        return [reply.seconds for reply in self.replies]

    @property
    def looks(self) -> set[tuple[Any, ...]]:
        """What the answers look like to somebody who looks for a difference."""
        return {(reply.status, shown(reply.body), *sorted(reply.headers)) for reply in self.replies}


def shown(body: Any) -> str:
    """The body without what is random in it for everybody."""
    return str({**body, "attempt": len(body["attempt"])} if isinstance(body, dict) and "attempt" in body else body)


@dataclass(frozen=True)
class Case:
    """One route, as an attacker uses it: whom it compares, and what it sends about an address."""

    name: str
    send: Callable[[Client, str], Reply]
    addresses: Sequence[str] = ("known", "unknown")


def auc(some: Sequence[float], others: Sequence[float]) -> float:
    """How often one of `some` is longer than one of `others`; ties count half (Mann-Whitney)."""
    ahead = sum((one > other) + (one == other) / 2 for one in some for other in others)
    return ahead / (len(some) * len(others))


def somebody(kind: str) -> Callable[[], str]:
    """Gives addresses of one kind, in turn. Unknown ones are as long as the others."""
    if kind == "unknown":
        return lambda: f"unknown{next(_new):06}@example.com"
    numbers = count()
    return lambda: f"{kind}{next(numbers) % EACH:06}@example.com"


def populate(url: str, port: int, kinds: Mapping[str, str]) -> None:
    """The accounts of each kind, changed by the statement that goes with it."""
    client = Client(port)
    for kind, change in kinds.items():
        give = somebody(kind)
        for _ in range(EACH):
            assert client.api("POST", "/auth/signup", drill.credentials(give())).status == 202
        if change:
            drill.ask(url, f"{change} WHERE email LIKE '{kind}0%'")
    client.close()


def give_codes(url: str) -> None:
    """To each account an email of each kind that can be answered by a code, with tries that never end."""
    drill.ask(url, "DELETE FROM email_actions")
    for purpose in ("reset-password", "verify-email"):
        there = f"SELECT account_id FROM email_actions WHERE purpose = '{purpose}'"  # by an email that is being sent
        drill.ask(
            url,
            "INSERT INTO email_actions (account_id, purpose, message_id, expires_at, code_expires_at, attempts) "
            f"SELECT id, '{purpose}', 1, '{NEVER}', '{NEVER}', -1000000 FROM accounts WHERE id NOT IN ({there})",
        )


def attempt_of(email: str) -> str:
    """The attempt of the sign-in email to an address."""
    return email.replace("@", "-").replace(".", "-")


def give_sign_ins(url: str) -> None:
    """To each enabled account a sign-in email, with tries that never end."""
    drill.ask(url, "DELETE FROM email_sign_ins")
    for kind in ("known", "unverified"):
        give = somebody(kind)
        for email in (give() for _ in range(EACH)):
            drill.ask(
                url,
                "INSERT INTO email_sign_ins (mailbox, attempt_digest, message_id, credentials_version,"
                f" may_open_account, requested_at, expires_at, code_expires_at, wrong_codes) VALUES ('{email}',"
                f" '{digest_of(attempt_of(email))}', 1, 0, '0', '{NEVER}', '{NEVER}', '{NEVER}', -1000000)",
            )


def cases(token: str) -> Iterator[Case]:
    """Every route that might tell one address from another."""
    wrong = {"password": "the wrong horse battery"}
    everyone = ("known", "unknown", "unverified", "disabled")
    guess = {"code": "BCDF-GHJK"}
    new = guess | {"password": "a new horse battery"}
    # First, as the emails of the cases below replace these codes.
    yield Case("reset code", lambda client, who: client.api("POST", "/reset-password", {"email": who} | new), everyone)
    yield Case("verify code", lambda client, who: client.api("POST", "/verify-email", {"email": who} | guess), everyone)
    yield Case(
        "sign-in code",
        lambda client, who: client.api("POST", "/auth/email/code", guess | {"attempt": attempt_of(who)}),
        everyone,
    )
    yield Case("sign-in email", lambda client, who: client.api("POST", "/auth/email", {"email": who}), everyone)
    yield Case("login", lambda client, who: client.api("POST", "/auth/login", {"email": who} | wrong), everyone)
    yield Case("forgot", lambda client, who: client.api("POST", "/forgot-password", {"email": who}), everyone)
    yield Case("resend", lambda client, who: client.api("POST", "/verify-email/resend", {"email": who}), everyone)
    yield Case("signup", lambda client, who: client.api("POST", "/auth/signup", drill.credentials(who)))
    yield Case("PUT email", lambda client, who: client.api("PUT", "/account/email", {"email": who}, token))


def attack(client: Client, case: Case, one: str, other: str, pairs: int) -> tuple[Arm, Arm]:
    """Pairs in random order within each; the first ones only warm up."""
    arms, dice = (Arm(one, somebody(one)), Arm(other, somebody(other))), random.Random(7)
    for number in range(pairs + 10):
        for arm in dice.sample(arms, 2):
            reply = case.send(client, arm.address())
            if number >= 10:
                arm.replies.append(reply)
    return arms


def attack_at_once(port: int, one: str, other: str, pairs: int) -> tuple[Arm, Arm]:
    """The slowest answers to bursts of guesses at one code: one guess must not wait for another."""
    arms, dice = (Arm(one, somebody(one)), Arm(other, somebody(other))), random.Random(7)
    clients, ready = [Client(port) for _ in range(BURST)], threading.Barrier(BURST)

    def guess(client: Client, email: str) -> Reply:
        ready.wait()
        body = {"email": email, "code": "BCDF-GHJK", "password": "a new horse battery"}
        return client.api("POST", "/reset-password", body)

    with ThreadPoolExecutor(BURST) as threads:
        for number in range(pairs + 5):
            for arm in dice.sample(arms, 2):
                replies = threads.map(guess, clients, [arm.address()] * BURST)
                slowest = max(replies, key=lambda reply: reply.seconds)
                if number >= 5:
                    arm.replies.append(slowest)
    for client in clients:
        client.close()
    return arms


def tell(name: str, arms: tuple[Arm, Arm], report: Report) -> None:
    """The attacker's figures for one pair of kinds."""
    most = MOST * (FULL_PAIRS / max(len(arms[0].replies), 1)) ** 0.5  # of fewer pairs chance makes more
    found = auc(arms[0].seconds, arms[1].seconds)
    medians = ", ".join(ms(percentile(arm.seconds, 50)) for arm in arms)
    said = f"{name}, {arms[0].name} / {arms[1].name}"
    report.promise(f"{said}: AUC (0.5 ± {most:.2f})", f"{found:.3f}  {medians}", abs(found - 0.5) <= most)
    if arms[0].looks != arms[1].looks or len(arms[0].looks) != 1:
        report.promise(f"{said}: answers look alike", arms[0].looks ^ arms[1].looks, False)


def timing(kind: str, size: Size, report: Report) -> None:
    """Attack with the mail server there, then with it gone."""
    smtp_server = FakeSmtpServer(port=unused_port())
    settings = {
        "mail_port": smtp_server.port,
        "mail_deliverer": "thread",
        "workers": 1,
        "require_verified_email": "true",
    }
    with (
        new_database(kind) as url,
        drill.service(url, reauth_window_seconds=86_400, **settings) as port,
        ExitStack() as mail,
    ):
        mail.enter_context(smtp_server.open())
        populate(url, port, KINDS)
        client = Client(port)
        token = client.api("POST", "/auth/login", drill.credentials(somebody("known")())).body["access_token"]
        give_codes(url)
        tell(f"{BURST} reset codes at once", attack_at_once(port, "known", "unknown", size.pairs // 2), report)
        for state in ("mail", "no mail"):
            give_codes(url)
            give_sign_ins(url)
            for case in cases(token):
                for other in case.addresses[1:]:
                    tell(f"{state}: {case.name}", attack(client, case, "known", other, size.pairs), report)
            mail.close()
        client.close()


def timing_of_hashes(kind: str, size: Size, report: Report) -> None:
    """Sign in to accounts whose hash was cheaper to make, and to none."""
    settings = {"workers": 1, "bcrypt_rounds": ROUNDS, "require_verified_email": "true"}
    with new_database(kind) as url, drill.service(url, **settings) as port:
        populate(url, port, {name: f"UPDATE accounts SET password_hash = '{kept}'" for name, kept in HASHES.items()})
        client, login = Client(port), next(case for case in cases("") if case.name == "login")
        for name in HASHES:
            tell(f"login, cost {ROUNDS}", attack(client, login, name, "unknown", size.pairs // 2), report)
        client.close()


def both(kind: str, size: Size, report: Report) -> None:
    """The routes on every database, the hashes on one."""
    timing(kind, size, report)
    if kind == "sqlite":
        timing_of_hashes(kind, size, report)


if __name__ == "__main__":
    drill.run(both, says=__doc__, full=Size(FULL_PAIRS), quick=Size(60))
