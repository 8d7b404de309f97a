"""Step: queue an email. Every kind of email and what holds for it is in one table."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from app.core.client_info import ClientInfo
from app.domain.email_actions.model import Purpose
from app.domain.mail.outbox import Outbox

OWNER: Final = "owner"  # the `asked_by` of an email that somebody asked for with a link from another email


@dataclass(frozen=True, slots=True)
class Kind:
    """What holds for one kind of email.

    `carries`: the purpose of its link and code, of which only the newest email's work.
    `on_request`: anyone may ask for it, so it is rate-limited, and a newer one supersedes it.
    `present_owner_only`: dropped if the account has another address when it is sent. All others are notices to the
    person who had the account when something happened: they go there even if a thief has changed the address since.
    `while_disabled`: sent for a disabled account too.
    `names_client`: says from which IP address and device it was caused.
    """

    template: str
    carries: Purpose | None = None
    on_request: bool = False
    present_owner_only: bool = False
    while_disabled: bool = True
    names_client: bool = False


class Email(Enum):
    """Every kind of email that Latchkey sends."""

    VERIFY_EMAIL = Kind(
        "verify_email", Purpose.VERIFY_EMAIL, on_request=True, present_owner_only=True, while_disabled=False
    )
    RESET_PASSWORD = Kind(
        "reset_password", Purpose.RESET_PASSWORD, on_request=True, present_owner_only=True, while_disabled=False
    )
    SIGN_IN = Kind("sign_in", on_request=True, present_owner_only=True, while_disabled=False, names_client=True)
    INVITATION = Kind("invitation", Purpose.RESET_PASSWORD, present_owner_only=True, while_disabled=False)
    ACCOUNT_EXISTS = Kind("account_exists", on_request=True, present_owner_only=True, while_disabled=False)
    EMAIL_CHANGE_CONFIRM = Kind("email_change_confirm", Purpose.CHANGE_EMAIL, on_request=True, while_disabled=False)
    EMAIL_CHANGE_REQUESTED = Kind("email_change_requested", names_client=True)
    EMAIL_CHANGED = Kind("email_changed")  # has a link of its own for each change
    PASSWORD_CHANGED = Kind("password_changed", names_client=True)
    NEW_DEVICE = Kind("new_device", names_client=True)
    SESSION_USED_TWICE = Kind("session_used_twice", names_client=True)
    FACTOR_ADDED = Kind("factor_added", names_client=True)  # has a link of its own that removes the factor
    FACTOR_REMOVED = Kind("factor_removed", names_client=True)
    FACTORS_RESET = Kind("factors_reset")
    RECOVERY_CODE_USED = Kind("recovery_code_used", names_client=True)
    RECOVERY_CODES_CREATED = Kind("recovery_codes_created", names_client=True)
    SECOND_FACTOR_GUESSED = Kind("second_factor_guessed", names_client=True)
    PASSKEY_ADDED = Kind("passkey_added", names_client=True)
    PASSKEY_REMOVED = Kind("passkey_removed", names_client=True)
    PASSKEY_COPY_SUSPECTED = Kind("passkey_copy_suspected", names_client=True)
    IDENTITY_LINKED = Kind("identity_linked", names_client=True)
    IDENTITY_UNLINKED = Kind("identity_unlinked", names_client=True)
    ACCOUNT_CLAIMED = Kind("account_claimed", names_client=True)
    ACCOUNT_DELETED = Kind("account_deleted")
    MOVED_ACCOUNT_DELETED = Kind("moved_account_deleted")

    @classmethod
    def of(cls, template: str) -> "Email":
        """The kind with this template. Raises `KeyError` for an unknown one."""
        return _BY_TEMPLATE[template]


_BY_TEMPLATE: Final = {email.value.template: email for email in Email}


@dataclass(frozen=True, slots=True)
class Notify:
    """Queues emails. Nothing else does."""

    outbox: Outbox

    def __call__(
        self,
        email: Email,
        address: str,
        client: ClientInfo,
        now: datetime,
        *,
        account_id: str | None = None,
        locale: str | None = None,
        **parameters: str | int | None,
    ) -> None:
        """Queue an email to an address, in a unit of work: if that is rolled back, no email is sent.

        `address` is whom it concerns at this moment: what happens to the account before it is sent changes nothing.
        The language is `locale`, or else the client's, unless the account has one of its own when it is sent.
        """
        if email.value.names_client:
            parameters |= _names(client)
        self.outbox.enqueue(
            email.value.template,
            now=now,
            address=address,
            account_id=account_id,
            locale=locale or client.language,
            **parameters,
        )

    def start_reset(self, address: str, client: ClientInfo, now: datetime) -> None:
        """Queue the email for a new password, asked for by the owner with a link: it is not rate-limited."""
        self(Email.RESET_PASSWORD, address, client, now, asked_by=OWNER)

    def without_lookup(
        self, email: Email, address: str, client: ClientInfo, now: datetime, **parameters: str | int | None
    ) -> None:
        """Queue an email to an address without looking it up, by one statement that commits itself.

        A known and an unknown address take the same time; which it is, is found out when the email is sent.
        """
        if email.value.names_client:
            parameters |= _names(client)
        self.outbox.enqueue_now(email.value.template, address, now, locale=client.language, **parameters)


def _names(client: ClientInfo) -> dict[str, str | None]:
    return {"ip": client.ip, "user_agent": client.user_agent}
