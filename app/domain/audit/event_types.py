"""All event types. docs/security.md explains each."""

from enum import StrEnum
from typing import Final, Literal

Result = Literal["success", "failure"]


class EventType(StrEnum):
    """The type of an event, in the form `subject.what_happened`."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_INVITED = "account.invited"
    ACCOUNT_INVITATION_SENT = "account.invitation_sent"
    ACCOUNT_INVITATION_REVOKED = "account.invitation_revoked"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_ROLES_CHANGED = "account.roles_changed"
    ACCOUNT_CLAIMS_CHANGED = "account.claims_changed"
    ACCOUNT_UPDATED = "account.updated"
    ACCOUNT_DELETION_SCHEDULED = "account.deletion_scheduled"
    ACCOUNT_DELETION_CANCELLED = "account.deletion_cancelled"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_CLAIMED = "account.claimed"
    ACCOUNT_SECURED = "account.secured"
    EMAIL_VERIFIED = "email.verified"
    EMAIL_UNVERIFIED = "email.unverified"
    EMAIL_CHANGE_REQUESTED = "email.change_requested"
    EMAIL_CHANGED = "email.changed"
    EMAIL_CHANGE_UNDONE = "email.change_undone"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password.reset"  # noqa: S105 - the name of an event
    PASSWORD_RESET_STARTED = "password.reset_started"  # noqa: S105 - the name of an event
    REAUTHENTICATION_FAILED = "reauthentication.failed"
    CODE_FAILED = "code.failed"
    SESSION_OPENED = "session.opened"
    LOGIN_FAILED = "login.failed"
    SECOND_FACTOR_REQUIRED = "second_factor.required"
    SECOND_FACTOR_FAILED = "second_factor.failed"
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    RECOVERY_CODE_USED = "recovery_code.used"
    RECOVERY_CODES_CREATED = "recovery_codes.created"
    DEVICE_TRUSTED = "trusted_device.added"
    DEVICE_NOT_TRUSTED = "trusted_device.removed"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"
    PASSKEY_FAILED = "passkey.failed"
    PASSKEY_COPY_SUSPECTED = "passkey.copy_suspected"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_UNLINKED = "identity.unlinked"
    SESSION_REAUTHENTICATED = "session.reauthenticated"
    SESSION_ENDED = "session.ended"
    SESSION_REUSED = "session.token_reused"
    MAIL_RETRIED = "mail.retried"
    KEY_ROTATED = "key.rotated"
    KEY_RETIRED = "key.retired"
    KEY_REENCRYPTED = "key.reencrypted"

    @property
    def result(self) -> Result:
        """Whether events of this type record something done, or a failed attempt."""
        return "failure" if self in FAILURES else "success"


FAILURES: Final = frozenset(
    {
        EventType.REAUTHENTICATION_FAILED,
        EventType.CODE_FAILED,
        EventType.LOGIN_FAILED,
        EventType.SESSION_REUSED,
        EventType.SECOND_FACTOR_FAILED,
        EventType.PASSKEY_FAILED,
        EventType.PASSKEY_COPY_SUSPECTED,
    }
)

# Rows written before version 0.2 keep their words, because the seal covers them. They are shown and found under the
# current ones.
FORMER_WORDS: Final = {
    "account.opened": "account.created",
    "account.roles_set": "account.roles_changed",
    "account.deletion_asked": "account.deletion_scheduled",
    "account.kept": "account.deletion_cancelled",
    "account.erased": "account.deleted",
    "account.alarm_raised": "account.secured",
    "email.change_asked": "email.change_requested",
    "password.refused": "reauthentication.failed",
    "code.refused": "code.failed",
    "session.refused": "login.failed",
    "key.resealed": "key.reencrypted",
    "ok": "success",
    "refused": "failure",
}


def present_word(stored: str) -> str:
    """The current word for a stored event type or result."""
    return FORMER_WORDS.get(stored, stored)


def stored_words(word: str) -> list[str]:
    """All words under which an event type may be stored."""
    return [word, *(former for former, present in FORMER_WORDS.items() if present == word)]
