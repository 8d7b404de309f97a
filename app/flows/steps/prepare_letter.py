"""Step: at the moment of sending, decide whom a letter goes to and make the links that it carries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core.clock import Clock
from app.core.work import Work
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.challenges.model import Purpose
from app.domain.challenges.store import CODE_LIFETIME, ChallengeStore
from app.domain.mail.model import QueuedLetter
from app.domain.mail.outbox import Outbox
from app.domain.sessions.devices import device_name
from app.domain.tokens.codes import Codes
from app.domain.tokens.links import Links

UNDO_TIME: Final = timedelta(hours=72)
ALARM_TIME: Final = timedelta(days=7)
TO_STATED_ADDRESS: Final = {"email_change_requested", "email_changed"}
ASKED_BY_ANYONE: Final = {"reset_password", "verify_email", "account_exists", "email_change_confirm"}
MOMENTS: Final = {"final_at", "undo_until"}
CARRIES: Final = {
    "reset_password": Purpose.RESET_PASSWORD,
    "invitation": Purpose.RESET_PASSWORD,
    "verify_email": Purpose.VERIFY_EMAIL,
    "email_change_confirm": Purpose.CHANGE_EMAIL,
    "email_changed": Purpose.UNDO_EMAIL_CHANGE,
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What letters say about ourselves. Links are built from these templates alone; `{token}` is replaced."""

    public_url: str
    sign_in_url: str
    reset_password_url: str
    verify_email_url: str
    reset_link_lifetime: timedelta
    verify_link_lifetime: timedelta

    @property
    def forgot_password_url(self) -> str:
        """The page where somebody asks for a new password."""
        return f"{self.public_url}/reset-password/request"

    def url(self, purpose: Purpose, token: str) -> str:
        """The link of one purpose that carries this token."""
        pages = {
            Purpose.RESET_PASSWORD: self.reset_password_url,
            Purpose.VERIFY_EMAIL: self.verify_email_url,
            Purpose.CHANGE_EMAIL: self.public_url + "/confirm-email#token={token}",
            Purpose.UNDO_EMAIL_CHANGE: self.public_url + "/undo-email-change#token={token}",
            Purpose.NOT_ME: self.public_url + "/not-me#token={token}",
        }
        return pages[purpose].replace("{token}", token)

    def lifetime(self, kind: str, purpose: Purpose) -> timedelta:
        """How long the link in such a letter lives. An invitation comes unasked and is read later."""
        if purpose is Purpose.RESET_PASSWORD and kind != "invitation":
            return self.reset_link_lifetime
        return UNDO_TIME if purpose is Purpose.UNDO_EMAIL_CHANGE else self.verify_link_lifetime


@dataclass(frozen=True, slots=True)
class ReadyLetter:
    """Whom it goes to, how it is worded, in which language, and with what."""

    address: str
    kind: str
    locale: str | None
    values: dict[str, object]


class NobodyToTell(Exception):
    """There is nobody to send this letter to, or it was overtaken; the message says which."""


@dataclass(frozen=True, slots=True)
class PrepareLetter:
    """Turns a queued letter into one that can be sent."""

    work: Work
    clock: Clock
    accounts: AccountStore
    challenges: ChallengeStore
    outbox: Outbox
    links: Links
    codes: Codes
    letterhead: Letterhead

    def __call__(self, letter: QueuedLetter) -> ReadyLetter:
        """The letter, ready; `NobodyToTell` if it is to be dropped."""
        now = self.clock.now()
        if letter.kind in ASKED_BY_ANYONE and self.outbox.throttled(letter, now):
            raise NobodyToTell("too many letters of this kind within an hour")
        account = self._account(letter)
        if letter.kind == "moved_account_deleted":
            return self._ready(letter, letter.address, account, {})
        if letter.kind == "account_deleted":
            return self._ready(letter, letter.address, account, {"not_me_url": self._alarm(account, now)})
        if account is None or account.disabled_at is not None:
            raise NobodyToTell("no such account")
        if letter.kind == "email_change_confirm":
            return self._confirmation(letter, account, now)
        carried = self._link(letter, account, now) | {"not_me_url": self._alarm(account, now)}
        stated = letter.address if letter.kind in TO_STATED_ADDRESS else None
        return self._ready(letter, stated or account.email, account, carried)

    def _account(self, letter: QueuedLetter) -> AccountSnapshot | None:
        if letter.account_id:
            return self.accounts.by_id(letter.account_id)
        return self.accounts.by_email(parse_address(letter.address).canonical) if letter.address else None

    def _confirmation(self, letter: QueuedLetter, account: AccountSnapshot, now: datetime) -> ReadyLetter:
        wanted = letter.address or ""
        pending = self.challenges.find(account.id, Purpose.CHANGE_EMAIL, now)
        if pending is None or pending.address != wanted:
            raise NobodyToTell("another address was asked for, or none any more")
        taken_by = self.accounts.by_email(parse_address(wanted).canonical)
        if taken_by is not None and taken_by.id != account.id:
            # Who asked is told nothing; whose address it is learns that somebody tried.
            return self._ready(letter, taken_by.email, taken_by, {}, kind="account_exists")
        return self._ready(letter, wanted, account, self._link(letter, account, now))

    def _link(self, letter: QueuedLetter, account: AccountSnapshot, now: datetime) -> dict[str, object]:
        purpose = CARRIES.get(letter.kind)
        if purpose is None:
            return {}
        if purpose is Purpose.VERIFY_EMAIL and account.email_verified:
            raise NobodyToTell("the address is verified")
        if self.outbox.overtaken(letter):
            raise NobodyToTell("superseded by a newer letter")
        lifetime = self.letterhead.lifetime(letter.kind, purpose)
        expires_at = now + lifetime
        with self.work as work:
            if not self.challenges.carry(account.id, purpose, letter.id, expires_at, now):
                raise NobodyToTell("superseded by a newer letter")
            work.commit()
        token = self.links.sign(purpose, account_id=account.id, state=letter.id, expires_at=expires_at)
        url = self.letterhead.url(purpose, token)
        if purpose is Purpose.UNDO_EMAIL_CHANGE:
            return {"undo_url": url}
        carried: dict[str, object] = {"link": url, "minutes": int(lifetime.total_seconds()) // 60}
        if letter.kind == "invitation":  # nobody waits for it before a screen that asks for a code
            return carried
        return carried | {
            "code": self.codes.of(purpose, account.id, letter.id),
            "code_minutes": int(CODE_LIFETIME.total_seconds()) // 60,
        }  # fmt: skip

    def _alarm(self, account: AccountSnapshot | None, now: datetime) -> str | None:
        if account is None:
            return None
        version, expires_at = account.credentials_version, now + ALARM_TIME
        token = self.links.sign(Purpose.NOT_ME, account_id=account.id, state=version, expires_at=expires_at)
        return self.letterhead.url(Purpose.NOT_ME, token)

    def _ready(
        self, letter: QueuedLetter, address: str | None, account: AccountSnapshot | None,
        carried: dict[str, object], *, kind: str | None = None,
    ) -> ReadyLetter:  # fmt: skip
        if address is None:
            raise NobodyToTell("no such account")
        said = dict(letter.parameters)
        if "user_agent" in said:
            said["device"] = device_name(said["user_agent"])
        for moment in MOMENTS & said.keys():
            said[moment] = datetime.fromisoformat(said[moment])
        values = {
            "public_url": self.letterhead.public_url, "sign_in_url": self.letterhead.sign_in_url,
            "forgot_password_url": self.letterhead.forgot_password_url, "when": letter.created_at,
        }  # fmt: skip
        locale = (account.locale if account else None) or letter.locale
        return ReadyLetter(address, kind or letter.kind, locale, values | said | carried)
