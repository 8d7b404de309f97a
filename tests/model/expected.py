"""What should be true of accounts, sessions and emailed links, in plain Python. `now()` is the tests' clock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

RESET, VERIFY, CHANGE, UNDO, NOT_ME = (  # each link by the page it leads to
    "reset-password", "verify-email", "confirm-email", "undo-email-change", "not-me"
)  # fmt: skip
LINK_LIFETIMES = {
    RESET: timedelta(minutes=30),
    VERIFY: timedelta(days=1),
    CHANGE: timedelta(days=1),
    UNDO: timedelta(hours=72),
    NOT_ME: timedelta(days=7),
}
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
IDLE, LIFETIME = timedelta(days=14), timedelta(days=90)
REFRESH_GRACE = timedelta(seconds=10)
LEEWAY = timedelta(seconds=30)
RECENT = timedelta(minutes=10)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
RESERVED = timedelta(days=6)  # how long an undo waits for its email
DELETION_GRACE = timedelta(days=1)  # shorter than a change of address can be undone


def now() -> datetime:
    """The time that the tests have set."""
    return datetime.now(UTC)


def claims_of(token: str) -> dict[str, Any]:
    """What a bearer token says, whether or not it is genuine."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


@dataclass(eq=False, repr=False)
class Link:
    """A link that arrived in a mailbox, with the code from the same email if there is one."""

    purpose: str
    mailbox: str
    account: "Account"
    token: str
    code: str | None
    version: int
    sent_at: datetime = field(default_factory=now)
    tries: int = 0

    def __repr__(self) -> str:
        return f"{self.purpose} link of account {self.account.id} in {self.mailbox}"

    def expired(self) -> bool:
        return now() >= self.sent_at + LINK_LIFETIMES[self.purpose]

    def takes_codes(self) -> bool:
        return now() < self.sent_at + CODE_LIFETIME and self.tries < CODE_TRIES


@dataclass(eq=False)
class Undo:
    """One change of address that the owner of the old one can undo, with the link once it has arrived."""

    address: str
    until: datetime
    link: Link | None = None

    def works_until(self) -> datetime:
        """When it ends at the earliest."""
        return self.until if self.link else now() + LINK_LIFETIMES[UNDO]


@dataclass(eq=False, repr=False)
class Session:
    """One sign-in, with every token it was given."""

    account: "Account"
    person: str
    id: str = ""
    access_token: str = ""
    access_expires_at: datetime = field(default_factory=now)
    refresh_tokens: list[str] = field(default_factory=list)
    parent: str | None = None  # the refresh token that the newest was given for
    opened_at: datetime = field(default_factory=now)
    rotated_at: datetime = field(default_factory=now)
    authenticated_at: datetime = field(default_factory=now)
    ended: bool = False

    def alive(self) -> bool:
        return not self.ended and now() < min(self.rotated_at + IDLE, self.opened_at + LIFETIME)

    def access_expired(self) -> bool:
        return now() >= self.access_expires_at + LEEWAY

    def refresh_expired(self) -> bool:
        return now() >= min(self.rotated_at + IDLE, self.opened_at + LIFETIME) + LEEWAY

    def in_grace(self) -> bool:
        """Whether the parent of the newest refresh token still gives the same successor."""
        return now() - self.rotated_at <= REFRESH_GRACE

    def password(self, proof: str | None) -> str | None:
        """What to send for the "right" password, a "wrong" one or none."""
        return {"right": self.account.password, "wrong": "not the password", None: None}[proof]

    def refusal(self, password: str | None) -> str | None:
        """The error code where the password is asked for unless it was given a short time ago."""
        if password is None:
            return None if now() - self.authenticated_at <= RECENT else "reauthentication_required"
        return None if password == self.account.password else "wrong_password"

    def keep(self, tokens: dict[str, object]) -> None:
        """Remember new tokens; the same refresh token twice is one."""
        self.access_token = str(tokens["access_token"])
        self.id = claims_of(self.access_token)["sid"]
        self.access_expires_at = now() + timedelta(seconds=int(str(tokens["expires_in"])))
        if tokens["refresh_token"] not in self.refresh_tokens:
            self.refresh_tokens.append(str(tokens["refresh_token"]))
            self.rotated_at = now()


@dataclass(eq=False, repr=False)
class Account:
    """One account. `links` has, for each purpose, the one link that works."""

    id: str
    address: str
    password: str | None
    verified: bool = False
    disabled: bool = False
    erased: bool = False
    deletes_at: datetime | None = None
    version: int = 0
    wanted_address: str | None = None
    undos: list[Undo] = field(default_factory=list)  # the earliest change first
    addresses: set[str] = field(default_factory=set)
    sessions: list[Session] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)

    def opens_with(self, password: str) -> bool:
        return password == self.password and self.is_open()

    def is_open(self) -> bool:
        """Whether its password, if it has one, lets somebody in."""
        return self.password is not None and not self.disabled and not self.is_due()

    def is_due(self) -> bool:
        """Whether the time to be erased has come."""
        return self.deletes_at is not None and self.deletes_at <= now()

    def can_be_undone(self) -> bool:
        """Whether a change of address can still be undone by the owner of the old one."""
        return bool(self.pending_undos())

    def pending_undos(self) -> list[Undo]:
        return [undo for undo in self.undos if now() < undo.until]

    def mailbox(self) -> str:
        """Whose mailbox decides about the account: that of the earliest address while a change can be undone."""
        return self.pending_undos()[0].address if self.can_be_undone() else self.address

    def is_recoverable(self, within: timedelta) -> bool:
        """Whether it will still be there by then, or a change of address can be undone now."""
        return self.can_be_undone() or self.deletes_at is None or self.deletes_at > now() + within

    def refusal(self, link: Link) -> str | None:
        """The error code for a link of this account; None if it works."""
        if link.expired():
            return "link_expired"
        works = {NOT_ME: link.version == self.version, UNDO: any(undo.link is link for undo in self.undos)}.get(
            link.purpose, self.links.get(link.purpose) is link
        )
        return None if works and not self.erased else "link_used"

    def has_link(self, purpose: str) -> bool:
        return purpose in self.links and not self.links[purpose].expired()

    def takes_code(self, link: Link) -> bool:
        """Whether the code from this email works; if not, it counts as a wrong one."""
        current = self.links.get(link.purpose)
        if current is None or self.disabled or not current.takes_codes():
            return False
        current.tries += current is not link
        return current is link

    def receive(self, link: Link) -> None:
        """The link is in a mailbox now; an earlier one of the same purpose works no longer."""
        assert not self.erased
        unsent = [undo for undo in self.pending_undos() if undo.link is None and undo.address == link.mailbox]
        expected = {CHANGE: {self.wanted_address}, UNDO: {undo.address for undo in unsent}, NOT_ME: self.addresses}
        assert link.mailbox in expected.get(link.purpose, {self.address}), link
        assert not self.disabled or link.purpose in (UNDO, NOT_ME), link
        if link.purpose == UNDO:
            unsent[0].link, unsent[0].until = link, now() + LINK_LIFETIMES[UNDO]
        elif link.purpose != NOT_ME:
            self.links[link.purpose] = link

    def end_sessions(self, keep: Session | None = None) -> None:
        for session in self.sessions:
            session.ended = session.ended or session is not keep

    def revoke(self, *purposes: str) -> None:
        for purpose in purposes:
            self.links.pop(purpose, None)
        if CHANGE in purposes:
            self.wanted_address = None

    def change_password(self, password: str, keep: Session | None = None) -> None:
        self.password = password
        self.version += 1
        self.end_sessions(keep)
        self.revoke(RESET, CHANGE)

    def reset_password(self, password: str) -> None:
        self.change_password(password)
        self.verified = True

    def confirm(self, person: str) -> None:
        """The address is confirmed by a link that this person opened."""
        self.links.pop(VERIFY)
        for session in self.sessions:
            session.ended = session.ended or (not self.verified and session.person != person)
        self.verified = True

    def confirm_by_code(self) -> None:
        self.revoke(VERIFY)
        self.verified = True

    def lock(self) -> None:
        """No password fits, every session is over, and a deletion is cancelled."""
        self.password = self.deletes_at = None
        self.version += 1
        self.end_sessions()
        self.revoke(RESET, CHANGE)

    def claim(self) -> None:
        self.links.pop(VERIFY)
        self.lock()
        self.verified = True

    def move(self) -> None:
        """The new address is confirmed. The change can be undone, unless it is itself the undo of an earlier one."""
        assert self.wanted_address
        pending = self.pending_undos()
        back = next((undo for undo in pending if undo.address == self.wanted_address), None)
        if back:
            self.undos = pending[: pending.index(back) + 1]
        else:
            self.undos = [*pending, Undo(self.address, now() + RESERVED)]
        self.address, self.verified = self.wanted_address, True
        self.addresses.add(self.address)
        self.version += 1
        self.revoke(RESET, CHANGE, VERIFY)

    def undo_move(self, link: Link) -> None:
        """The old address is restored. Later changes cannot be undone any more, earlier ones still can."""
        used = next(undo for undo in self.undos if undo.link is link)
        self.undos = self.undos[: self.undos.index(used)]
        self.address, self.verified = used.address, True
        self.lock()
        self.revoke(VERIFY)

    def schedule_deletion(self) -> None:
        self.deletes_at = max([now() + DELETION_GRACE, *(undo.works_until() for undo in self.pending_undos())])
        self.end_sessions()
        self.revoke(RESET, CHANGE, VERIFY)

    def disable(self) -> None:
        if not self.disabled:
            self.disabled = True
            self.end_sessions()
            self.revoke(RESET, CHANGE, VERIFY)

    def clean_up(self) -> None:
        """Erase the account if it is due; not while a change of address can be undone."""
        if self.is_due() and self.can_be_undone():
            self.deletes_at = max(undo.until for undo in self.pending_undos())
        elif self.is_due():
            self.erased = True
            self.end_sessions()
