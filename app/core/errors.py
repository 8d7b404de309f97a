"""Base classes of expected errors. `app/web/errors.py` maps each to an HTTP status.

ServiceError
 ├── Invalid               the input breaks a rule
 │    └── SearchTooBroad       it would take too long
 ├── Unauthenticated       missing or invalid credentials
 ├── Forbidden             authenticated, but not allowed
 ├── NotFound              no such resource
 ├── Conflict              conflicts with existing data
 └── RetryLater            may succeed later
      ├── RateLimited      too many attempts
      └── Unavailable      a dependency is down or overloaded
           ├── Superseded           a parallel request won
           └── DatabaseUnavailable  no response, full, or locked for too long
"""

from collections.abc import Mapping
from typing import ClassVar


class ServiceError(Exception):
    """An expected error: a stable `code` for programs, and a sentence for people."""

    code: ClassVar[str] = "refused"
    detail: ClassVar[str] = "The request was rejected."
    example: ClassVar[Mapping[str, object]] = {}  # of `members`

    def __init__(self, detail: str | None = None) -> None:
        self.message = detail or self.detail
        super().__init__(self.message)

    def members(self) -> dict[str, object]:
        """Further members of the problem document (RFC 9457, 3.2)."""
        return {}


class Invalid(ServiceError):
    """The input breaks a rule. `field` names the member of the body."""

    code = "invalid_input"
    detail = "Invalid request. Send it in the format that the API documentation describes."
    field: str | None = None

    def __init__(self, detail: str | None = None, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field or self.field


class SearchTooBroad(Invalid):
    """The database would examine more rows than the time for one search allows."""

    code = "search_too_broad"
    detail = "The search takes too long among so many entries. Search for something more specific."


class Unauthenticated(ServiceError):
    """Credentials are missing or invalid."""

    code = "unauthenticated"
    detail = "Authentication required. Log in and send the access token."


class Forbidden(ServiceError):
    """The caller is authenticated, but not allowed to do this."""

    code = "forbidden"
    detail = "You are not allowed to do this."


class NotFound(ServiceError):
    """The resource does not exist."""

    code = "not_found"
    detail = "Not found."


class Conflict(ServiceError):
    """The request conflicts with existing data."""

    code = "conflict"
    detail = "The request conflicts with existing data."


class RetryLater(ServiceError):
    """A later attempt may succeed. `retry_after` is in seconds."""

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


def duration_text(seconds: int) -> str:
    """A duration in words, rounded up: "30 seconds", "15 minutes", "2 hours"."""
    for unit, name in ((3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{-(-seconds // unit)} {name}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


class RateLimited(RetryLater):
    """Too many attempts."""

    code = "too_many_requests"
    detail = "Too many attempts. Try again later."

    def __init__(self, *, retry_after: int = 1) -> None:
        super().__init__(f"Too many attempts. Try again in {duration_text(retry_after)}.", retry_after=retry_after)


class Unavailable(RetryLater):
    """A dependency is down or overloaded. Nothing was changed.

    `transient`: an immediate second attempt may succeed.
    """

    transient = False
    code = "temporarily_unavailable"
    detail = "The service is temporarily unavailable. Try again in a moment."


class Superseded(Unavailable):
    """A parallel request changed the data that this one had read. A second attempt reads the new data."""

    transient = True


class DatabaseUnavailable(Unavailable):
    """The database does not respond, is full, or is locked for too long."""

    code = "database_unavailable"
    detail = "The database is temporarily unavailable. Try again in a moment."

    def __init__(self, *, transient: bool = False) -> None:
        super().__init__()
        self.transient = transient
