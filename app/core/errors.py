"""The kinds of refusal. A room subclasses one where it raises it; the web alone knows their status.

Refusal
 ├── Invalid           the input breaks a rule
 ├── Unauthenticated   nobody we know is asking
 ├── Forbidden         we know who asks, and the answer is no
 ├── Missing           there is no such thing
 ├── Conflict          it clashes with what is there
 ├── TooMany           too often; come back later
 └── Busy              we cannot right now; nothing was lost
"""

from typing import ClassVar


class ServiceError(Exception):
    """A request that is turned down on purpose: a stable code and a sentence for people."""

    code: ClassVar[str] = "refused"
    detail: ClassVar[str] = "The request was refused."

    def __init__(self, detail: str | None = None) -> None:
        self.message = detail or self.detail
        super().__init__(self.message)


class Invalid(ServiceError):
    """The input breaks a rule; `field` names the member of the body that does."""

    code = "invalid_input"
    detail = "The request does not have the form this route takes."
    field: str | None = None

    def __init__(self, detail: str | None = None, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field or self.field


class Unauthenticated(ServiceError):
    """Nobody we know is asking."""

    code = "unauthenticated"
    detail = "Sign in first: this route needs an access token."


class Forbidden(ServiceError):
    """We know who is asking, and they may not."""

    code = "forbidden"
    detail = "You may not do this."


class NotFound(ServiceError):
    """There is no such thing."""

    code = "not_found"
    detail = "There is nothing here."


class Conflict(ServiceError):
    """It clashes with what is already there."""

    code = "conflict"
    detail = "This clashes with what is already there."


class RetryLater(ServiceError):
    """A refusal that a later attempt may not meet; `retry_after` is in seconds."""

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


def duration_text(seconds: int) -> str:
    """A wait as people say it, never shorter than it is: "30 seconds", "15 minutes", "2 hours"."""
    for unit, name in ((3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{-(-seconds // unit)} {name}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


class RateLimited(RetryLater):
    """Too often; the caller is to wait."""

    code = "too_many_requests"
    detail = "Too many attempts. Try again later."

    def __init__(self, *, retry_after: int = 1) -> None:
        super().__init__(f"Too many attempts. Try again in {duration_text(retry_after)}.", retry_after=retry_after)


class Unavailable(RetryLater):
    """Something we depend on is full or away; nothing was done and nothing is lost.

    `transient`: trying again at once may help.
    """

    transient = False
    code = "temporarily_unavailable"
    detail = "The service cannot do this right now. Try again in a moment."


class Superseded(Unavailable):
    """A parallel request changed what this one had read; tried again, it reads what the other one left."""

    transient = True


class DatabaseUnavailable(Unavailable):
    """The database is away, full, or locked for longer than we wait."""

    code = "database_unavailable"
    detail = "The database does not answer right now. Try again in a moment."

    def __init__(self, *, transient: bool = False) -> None:
        super().__init__()
        self.transient = transient
