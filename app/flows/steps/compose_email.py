"""Step: when an email is sent, decide whether it is still wanted, and make its links.

The recipient was decided when the email was queued: the row names the address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core.clock import Clock
from app.core.pagination import MAX_ID
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.emails import parse_address
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.audit.journal import EventType, Journal
from app.domain.email_actions.model import Purpose
from app.domain.email_actions.store import CODE_LIFETIME, UNDO_TIME, EmailActionStore
from app.domain.email_actions.undos import UndoStore
from app.domain.mail.model import QUEUED, SENT, QueuedMessage
from app.domain.mail.outbox import Outbox
from app.domain.sessions.devices import device_name
from app.domain.tokens.codes import Codes
from app.domain.tokens.links import Links
from app.flows.steps.carry_sign_in import CarrySignIn
from app.flows.steps.email_settings import EmailSettings
from app.flows.steps.notify import OWNER, Email

SECURE_ACCOUNT_TIME: Final = timedelta(days=7)
MOMENTS: Final = {"final_at", "undo_until"}
RECENT_EVENTS: Final = 20


@dataclass(frozen=True, slots=True)
class ComposedEmail:
    """Whom it goes to, how it is worded, in which language, and with what."""

    address: str
    kind: str
    locale: str | None
    values: dict[str, object]


class SkipEmail(Exception):
    """The email has no recipient any more, or a newer one superseded it; the message says which."""


@dataclass(frozen=True, slots=True)
class ComposeEmail:
    """Turns a queued email into one that can be sent."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    email_actions: EmailActionStore
    undos: UndoStore
    outbox: Outbox
    journal: Journal
    links: Links
    codes: Codes
    carry_sign_in: CarrySignIn
    email_settings: EmailSettings

    def __call__(self, message: QueuedMessage) -> ComposedEmail:
        """The email, ready, and its attempt counted.

        Raises `SkipEmail` if it is to be dropped, `TooSoon` if it must wait, and `LeaseLost` if another process has it.
        """
        now, account = self.clock.now(), self._account(message)
        if message.kind == "moved_account_deleted":
            self._begin(message, now)
            return self._ready(message, message.address, account, {})
        if message.kind == "account_deleted":  # whether or not the account is gone by now
            self._begin(message, now)
            return self._ready(message, message.address, account, {"not_me_url": self._alarm(account, now)})
        if account is None and message.kind == "sign_in" and message.parameters.get("may_open_account"):
            return self._sign_in(message, None, now)
        if account is None or (account.disabled_at is not None and not Email.of(message.kind).value.while_disabled):
            raise SkipEmail("no such account")
        message.account_id = account.id
        if message.kind == "sign_in":
            return self._sign_in(message, account, now)
        address = self._address(message, account)
        self._require_use(message, account, now)
        self._begin(message, now)
        carried = self._link(message, account, now)
        if message.kind == "email_change_confirm":
            return self._confirmation(message, account, carried)
        return self._ready(message, address, account, carried | {"not_me_url": self._alarm(account, now)})

    def _account(self, message: QueuedMessage) -> AccountSnapshot | None:
        if message.account_id:
            return self.accounts.by_id(message.account_id)
        return self.accounts.by_email(parse_address(message.address).canonical) if message.address else None

    def _address(self, message: QueuedMessage, account: AccountSnapshot) -> str:
        if message.address is None or message.mailbox == account.email_canonical:
            return account.email  # as its owner spells it
        if Email.of(message.kind).value.present_owner_only:
            raise SkipEmail("the account has another address now")
        return message.address

    def _require_use(self, message: QueuedMessage, account: AccountSnapshot, now: datetime) -> None:
        if message.kind == "verify_email" and account.email_verified:
            raise SkipEmail("the address is verified")
        if message.kind == "reset_password" and self._was_reset(account, since=message.created_at):
            raise SkipEmail("the password was reset after this was asked for")
        if message.kind == "email_change_confirm":
            pending = self.email_actions.find(account.id, Purpose.CHANGE_EMAIL, now)
            if pending is None or pending.address != message.address:
                raise SkipEmail("another address was asked for, or none any more")
        self._require_newest(message)

    def _require_newest(self, message: QueuedMessage) -> None:
        # A stranger's request, which may have to wait, does not take the place of the owner's, which need not.
        kind = Email.of(message.kind).value
        newer = (SENT,) if _is_by_owner(message) else (QUEUED, SENT)
        if (kind.carries or kind.on_request) and self.outbox.is_superseded(message, newer):
            raise SkipEmail("superseded by a newer email")

    def _was_reset(self, account: AccountSnapshot, since: datetime) -> bool:
        newest = self.journal.newest(account.id, MAX_ID, RECENT_EVENTS)
        return any(event.event == EventType.PASSWORD_RESET and event.at > since for event in newest)

    def _begin(self, message: QueuedMessage, now: datetime) -> None:
        """Before any link of an earlier email is revoked: that one must work as long as this one has to wait."""
        with self.work as work:
            self.outbox.start_attempt(
                message,
                now,
                limited=Email.of(message.kind).value.on_request and not _is_by_owner(message),
                also_by_account=message.kind == "email_change_confirm",  # the account names any mailbox it likes
            )
            work.commit()

    def _sign_in(self, message: QueuedMessage, account: AccountSnapshot | None, now: datetime) -> ComposedEmail:
        """The link and the code are for the mailbox: without an account, they open one."""
        self._require_newest(message)
        self._begin(message, now)
        carried = self.carry_sign_in(message, account, now)
        if carried is None:
            raise SkipEmail("superseded by a newer email")
        return self._ready(message, account.email if account else message.address, account, carried)

    def _confirmation(
        self, message: QueuedMessage, account: AccountSnapshot, carried: dict[str, object]
    ) -> ComposedEmail:
        """A taken address is handled like a free one, except for the text: no stored data tells them apart."""
        wanted = message.address or ""
        taken_by = self.accounts.by_email(parse_address(wanted).canonical)
        if taken_by is not None and taken_by.id != account.id:
            # The person who asked is not told; the owner of the address is.
            return self._ready(message, taken_by.email, taken_by, {}, kind="account_exists")
        return self._ready(message, wanted, account, carried)

    def _link(self, message: QueuedMessage, account: AccountSnapshot, now: datetime) -> dict[str, object]:
        purpose = Email.of(message.kind).value.carries
        if message.kind == "email_changed":
            return self._undo(message, account, now)
        if message.kind == "factor_added":
            return self._factor_undo(message, account, now)
        if purpose is None:
            return {}
        lifetime = self.email_settings.lifetime(message.kind, purpose)
        expires_at = now + lifetime
        with self.work as work:
            if not self.email_actions.attach(account.id, purpose, message.id, expires_at, now):
                raise SkipEmail("superseded by a newer email")
            work.commit()
        token = self.links.sign(purpose, account_id=account.id, state=message.id, expires_at=expires_at)
        url = self.email_settings.url(purpose, token)
        carried: dict[str, object] = {"link": url, "minutes": int(lifetime.total_seconds()) // 60}
        if message.kind == "invitation":  # no page is open that asks for a code
            return carried
        return carried | {
            "code": self.codes.of(purpose, account.id, message.id),
            "code_minutes": int(CODE_LIFETIME.total_seconds()) // 60,
        }

    def _undo(self, message: QueuedMessage, account: AccountSnapshot, now: datetime) -> dict[str, object]:
        """The link that undoes a change, if its time is not over: every change has its own."""
        purpose, expires_at = Purpose.UNDO_EMAIL_CHANGE, now + UNDO_TIME
        version = message.parameters.get("replaced_version", 0)
        with self.work as work:
            if not self.undos.attach(account.id, version, message.id, expires_at, now):
                return {}
            work.commit()
        token = self.links.sign(purpose, account_id=account.id, state=message.id, expires_at=expires_at)
        return {"undo_url": self.email_settings.url(purpose, token)}

    def _factor_undo(self, message: QueuedMessage, account: AccountSnapshot, now: datetime) -> dict[str, object]:
        """The link that removes the factor. It works once, because the factor is gone then."""
        purpose, factor_id = Purpose.UNDO_SECOND_FACTOR, int(message.parameters["factor_id"])
        token = self.links.sign(purpose, account_id=account.id, state=factor_id, expires_at=now + UNDO_TIME)
        return {"undo_url": self.email_settings.url(purpose, token)}

    def _alarm(self, account: AccountSnapshot | None, now: datetime) -> str | None:
        if account is None:
            return None
        version, expires_at = account.credentials_version, now + SECURE_ACCOUNT_TIME
        token = self.links.sign(Purpose.SECURE_ACCOUNT, account_id=account.id, state=version, expires_at=expires_at)
        return self.email_settings.url(Purpose.SECURE_ACCOUNT, token)

    def _ready(
        self,
        message: QueuedMessage,
        address: str | None,
        account: AccountSnapshot | None,
        carried: dict[str, object],
        *,
        kind: str | None = None,
    ) -> ComposedEmail:
        if address is None:
            raise SkipEmail("no such account")
        said = dict(message.parameters)
        if "user_agent" in said:
            said["device"] = device_name(said["user_agent"])
        for moment in MOMENTS & said.keys():
            said[moment] = datetime.fromisoformat(said[moment])
        values = {
            "public_url": self.email_settings.public_url,
            "sign_in_url": self.email_settings.sign_in_url,
            "forgot_password_url": self.email_settings.forgot_password_url,
            "when": message.created_at,
        }
        locale = (account.locale if account else None) or message.locale
        return ComposedEmail(address, kind or message.kind, locale, values | said | carried)


def _is_by_owner(message: QueuedMessage) -> bool:
    return message.parameters.get("asked_by") == OWNER
