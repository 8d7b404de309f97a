"""The response of every route that signs somebody in: tokens in the body, or in cookies."""

from flask import Response
from pydantic import Field

from app.current import settings
from app.flows.second_factor import CompletedSignIn
from app.flows.steps.issue_tokens import Tokens as IssuedTokens
from app.web import cookies
from app.web.schemas import MessageResponse, RequestBody, ResponseBody
from app.web.transports import cookie

DAY = 86_400


class Tokens(ResponseBody):
    """An access token for `Authorization: Bearer …` and a refresh token for /auth/refresh."""

    omits_none = True

    access_token: str | None = Field(None, description="Absent with transport=cookie")
    refresh_token: str | None = Field(None, description="Absent with transport=cookie")
    token_type: str = Field(examples=["Bearer"])
    csrf_token: str | None = Field(None, description="With transport=cookie: send it as X-CSRF-Token")
    expires_in: int = Field(description="Seconds until the access token expires", examples=[884])


class SecondFactorTokens(Tokens):
    """The tokens of a sign-in with a second factor."""

    trusted_device_token: str | None = Field(
        None, description="With trust_device: send it with the next logins. Absent with transport=cookie"
    )
    recovery_codes: list[str] | None = Field(None, description="After enrolment: show them once, they are not stored")


class TransportQuery(RequestBody):
    """How the tokens are sent."""

    transport: cookie.TransportName = Field(
        "bearer", description="`cookie`: HttpOnly cookies instead of tokens in the body"
    )


def reject_cross_site(query: TransportQuery) -> None:
    """Reject a sign-in by cookie that another site's page started (login CSRF)."""
    if query.transport == "cookie":
        cookie.reject_cross_site()


def token_response(tokens: IssuedTokens, transport: cookie.TransportName, status: int = 200) -> IssuedTokens | Response:
    """The tokens in the transport that the client asked for."""
    return cookie.set_tokens(tokens, status) if transport == "cookie" else tokens


def confirm_first_response() -> Response:
    """The response to a sign-up where the address must be confirmed first, for a new and for a taken one."""
    message = MessageResponse(message="An email has been sent. Open its link to continue.")
    return Response(message.model_dump_json(), 202, mimetype="application/json")


def second_factor_response(signed_in: CompletedSignIn, transport: cookie.TransportName) -> object:
    """The same with what a second step adds."""
    codes = list(signed_in.recovery_codes) or None
    if transport == "bearer":
        tokens = SecondFactorTokens.model_validate(signed_in.tokens)
        return tokens.model_copy(
            update={"trusted_device_token": signed_in.trusted_device_token, "recovery_codes": codes}
        )
    answer = cookie.set_tokens(signed_in.tokens, 200, **({"recovery_codes": codes} if codes else {}))
    if signed_in.trusted_device_token:
        days = settings.trusted_device_days
        cookies.set_cookie(answer, "trusted_device", signed_in.trusted_device_token, days * DAY)
    return answer
