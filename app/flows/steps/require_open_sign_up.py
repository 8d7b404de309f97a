"""Step: require that strangers, or invited people, may get an account."""

from dataclasses import dataclass
from typing import Literal

from app.core.errors import Conflict, Forbidden
from app.flows.steps.require_administrator import Administrator

SignUpMode = Literal["open", "invited", "closed"]


class SignUpClosed(Forbidden):
    """Strangers cannot create an account here."""

    code = "sign_up_closed"
    detail = "Sign-up is closed. Ask an administrator for an invitation."


class InvitationsClosed(Conflict):
    """Administrators cannot invite anyone: SIGN_UP is `closed`."""

    code = "invitations_closed"
    detail = (
        "This service takes no new accounts (SIGN_UP=closed). An operator can create one with `flask accounts create`."
    )


@dataclass(frozen=True, slots=True)
class RequireOpenSignUp:
    """Reads the setting SIGN_UP, and nothing else: the result is the same for every address."""

    mode: SignUpMode

    def __call__(self) -> None:
        """Raises `SignUpClosed`. Flows call it first, before they hash a password or look up an address."""
        if not self.is_open:
            raise SignUpClosed

    @property
    def is_open(self) -> bool:
        """Whether strangers may create accounts."""
        return self.mode == "open"

    def to_invite(self, by: Administrator) -> None:
        """Raises `InvitationsClosed` for an administrator; an operator at a shell may always invite."""
        if by is not None and self.mode == "closed":
            raise InvitationsClosed
