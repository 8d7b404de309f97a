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


@dataclass(eq=False, repr=False)
class Session:
    """One sign-in, with every token it was given."""

    account: "Account"
    person: str
    id: str = ""
    access_token: str = ""
    access_expires_at: datetime = field(default_factory=now)
    refresh_tokens: list[str] = field(default_factory=list)
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
        """Whether the refresh token before the newest still gives the same successor."""
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
    undo_address: str | None = None
    undo_until: datetime = LONG_AGO
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
        """Whether the latest change of address can still be undone by the owner of the old one."""
        return self.undo_address is not None and now() < self.undo_until

    def mailbox(self) -> str:
        """Whose mailbox decides about the account: that of the old address while a change can be undone."""
        return self.undo_address if self.undo_address and self.can_be_undone() else self.address

    def is_recoverable(self, within: timedelta) -> bool:
        """Whether it will still be there by then, or a change of address can be undone now."""
        return self.can_be_undone() or self.deletes_at is None or self.deletes_at > now() + within

    def refusal(self, link: Link) -> str | None:
        """The error code for a link of this account; None if it works."""
        if link.expired():
            return "link_expired"
        works = link.version == self.version if link.purpose == NOT_ME else self.links.get(link.purpose) is link
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
        expected = {CHANGE: {self.wanted_address}, UNDO: {self.undo_address}, NOT_ME: self.addresses}
        assert link.mailbox in expected.get(link.purpose, {self.address}), link
        assert not self.disabled or link.purpose in (UNDO, NOT_ME), link
        if link.purpose != NOT_ME:
            self.links[link.purpose] = link
        if link.purpose == UNDO:
            self.undo_until = now() + LINK_LIFETIMES[UNDO]

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
        """The new address is confirmed. Of several changes in a row the first can be undone."""
        if not self.can_be_undone():
            self.undo_address, self.undo_until = self.address, now() + LINK_LIFETIMES[UNDO]
            self.links.pop(UNDO, None)
        assert self.wanted_address
        self.address, self.verified = self.wanted_address, True
        self.addresses.add(self.address)
        self.version += 1
        self.revoke(RESET, CHANGE, VERIFY)

    def undo_move(self) -> None:
        assert self.undo_address
        self.address, self.undo_address, self.verified = self.undo_address, None, True
        self.lock()
        self.revoke(UNDO, VERIFY)

    def schedule_deletion(self) -> None:
        undo_until = self.undo_until if self.undo_address else now()
        self.deletes_at = max(now() + DELETION_GRACE, undo_until)
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
            self.deletes_at = self.undo_until
        elif self.is_due():
            self.erased = True
            self.end_sessions()
