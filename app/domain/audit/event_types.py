"""Tags: every kind of event there is. Each is explained in docs/security.md."""

from enum import StrEnum
from typing import Final, Literal

Result = Literal["ok", "refused"]


class Tag(StrEnum):
    """A kind of event, spelled `subject.happening`."""

    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_INVITED = "account.invited"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_ROLES_SET = "account.roles_set"
    ACCOUNT_DELETION_ASKED = "account.deletion_asked"
    ACCOUNT_KEPT = "account.kept"
    ACCOUNT_ERASED = "account.erased"
    ACCOUNT_CLAIMED = "account.claimed"
    ACCOUNT_ALARM = "account.alarm_raised"
    EMAIL_VERIFIED = "email.verified"
    EMAIL_CHANGE_ASKED = "email.change_asked"
    EMAIL_CHANGED = "email.changed"
    EMAIL_CHANGE_UNDONE = "email.change_undone"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password.reset"  # noqa: S105 - the name of an event
    PASSWORD_RESET_STARTED = "password.reset_started"  # noqa: S105 - the name of an event
    PASSWORD_REFUSED = "password.refused"  # noqa: S105 - the name of an event
    CODE_REFUSED = "code.refused"
    SESSION_OPENED = "session.opened"
    SESSION_REFUSED = "session.refused"
    SESSION_REAUTHENTICATED = "session.reauthenticated"
    SESSION_ENDED = "session.ended"
    SESSION_REUSED = "session.token_reused"
    MAIL_RETRIED = "mail.retried"
    KEY_ROTATED = "key.rotated"
    KEY_RETIRED = "key.retired"
    KEY_RESEALED = "key.resealed"

    @property
    def result(self) -> Result:
        """Whether such an event is something that was done, or something that was refused."""
        return "refused" if self in REFUSED else "ok"


REFUSED: Final = frozenset({Tag.PASSWORD_REFUSED, Tag.CODE_REFUSED, Tag.SESSION_REFUSED, Tag.SESSION_REUSED})
