"""Sign-in by a link or a code in an email, without a password."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.core.client_info import ClientInfo
from app.core.errors import Forbidden
from app.domain.accounts.emails import parse_address
from app.domain.sessions.devices import device_name
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkUsed
from app.flows.steps.complete_email_sign_in import CompleteEmailSignIn
from app.flows.steps.find_sign_in import FindSignIn
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.request_sign_in_email import RequestedSignIn, RequestSignInEmail

Mode = Literal["off", "existing", "open"]


class EmailSignInOff(Forbidden):
    """The operator has switched emailed sign-in off."""

    code = "email_sign_in_off"
    detail = "Sign-in by email is switched off here (EMAIL_SIGN_IN). Sign in another way."


class RequestedElsewhere(Forbidden):
    """The link was asked for by another client than the one that sends it."""

    code = "requested_elsewhere"
    detail = (
        "This sign-in was requested in another browser or app. Show its owner the email address and the device, and if "
        "they choose to sign in here, send the token again with `other_device: true`."
    )


@dataclass(frozen=True, slots=True)
class EmailedSignIn:
    """What a person should know before pressing the button: whose account it is, and who asked for the email."""

    email: str
    requested_at: datetime
    device: str
    same_device: bool


@dataclass(frozen=True, slots=True)
class EmailSignIn:
    """Sends the email, and signs in by what it carries. `mode`: whether an unknown address may open an account."""

    request_sign_in_email: RequestSignInEmail
    find_sign_in: FindSignIn
    complete_email_sign_in: CompleteEmailSignIn
    issue_tokens: IssueTokens
    mode: Mode

    def request(self, email: str, client: ClientInfo) -> RequestedSignIn:
        """Queue the email. The same answer, statements and time for every address. Raises `EmailSignInOff`."""
        if self.mode == "off":
            raise EmailSignInOff
        return self.request_sign_in_email(parse_address(email), client, may_open_account=self.mode == "open")

    def check(self, token: str, attempt: str | None) -> EmailedSignIn:
        """What the link does. Raises the error of the link. Changes nothing."""
        pending = self.find_sign_in.by_link(token)
        same = pending.was_requested_with(attempt)
        return EmailedSignIn(pending.mailbox, pending.requested_at, device_name(pending.user_agent), same)

    def by_link(self, token: str, attempt: str | None, client: ClientInfo, *, other_device: bool = False) -> Tokens:
        """The tokens of a new session.

        Raises the error of the link, `SecondFactorRequired`, and `RequestedElsewhere` unless the client asked for the
        email or its user has chosen to sign in on this device (`other_device`).
        """
        self.issue_tokens.require_keys()
        pending = self.find_sign_in.by_link(token)
        if not other_device and not pending.was_requested_with(attempt):
            raise RequestedElsewhere
        return self.complete_email_sign_in(pending, client, LinkUsed)

    def by_code(self, attempt: str, code: str, client: ClientInfo) -> Tokens:
        """The same by the code, for the client that asked. Raises `CodeInvalid` or `SecondFactorRequired`."""
        self.issue_tokens.require_keys()
        return self.complete_email_sign_in(self.find_sign_in.by_code(attempt, code, client), client, CodeInvalid)
