"""/api/v1/auth/second-factor: the second step of a sign-in."""

from flask import Blueprint
from pydantic import ConfigDict, Field, model_validator

from app.core.errors import RateLimited
from app.current import auth
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.factors.store import NoSuchFactor
from app.domain.passkeys.verification import PasskeyInvalid
from app.domain.tokens.csrf import CsrfMismatch
from app.flows.steps.check_passkey import PasskeyCopySuspected, PasskeyUnknown
from app.flows.steps.check_second_factor import WrongCode
from app.flows.steps.enrol_totp import TooManyFactors
from app.flows.steps.open_second_step import SignInExpired, SignInTokenInvalid
from app.web.api.factors import TotpEnrolment
from app.web.api.passkey_schemas import AssertionCredential
from app.web.api.token_response import SecondFactorTokens, TransportQuery, reject_cross_site, second_factor_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.input_errors import coded_error
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import FactorName, RecoveryCode, RequestBody, RowId, SignInToken, TotpCode

blueprint = Blueprint("second_factor", __name__, url_prefix="/api/v1/auth/second-factor")
TOKEN = "token-of-the-403-response"  # noqa: S105 - an example


class SecondFactorRequest(RequestBody):
    """The token of the first step, and a code or a passkey."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": TOKEN, "code": "123456"}]})

    token: SignInToken
    code: TotpCode | None = Field(None, description="Code of the authenticator app")
    recovery_code: RecoveryCode | None = None
    passkey: AssertionCredential | None = Field(None, description="With options of /auth/passkey/options for the token")
    trust_device: bool = Field(False, description="Do not ask on this device for TRUSTED_DEVICE_DAYS")

    @model_validator(mode="after")
    def _one(self) -> "SecondFactorRequest":
        if sum(value is not None for value in (self.code, self.recovery_code, self.passkey)) != 1:
            raise coded_error("choose_one", "Send one of `code`, `recovery_code` and `passkey`.")
        return self


class EnrolSecondFactorRequest(RequestBody):
    """The token of a response with `second_factor_enrolment_required`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": TOKEN}]})

    token: SignInToken
    name: FactorName | None = Field(None, examples=["My phone"])


class ConfirmSecondFactorRequest(RequestBody):
    """The same token, the id of the new factor, and its first code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": TOKEN, "id": 4503599627, "code": "123456"}]})

    token: SignInToken
    id: RowId
    code: TotpCode


@blueprint.post("")
@endpoint(
    takes=SecondFactorRequest,
    query=TransportQuery,
    gives=SecondFactorTokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        SignInTokenInvalid,
        SignInExpired,
        WrongCode,
        PasskeyInvalid,
        PasskeyUnknown,
        PasskeyCopySuspected,
        ChallengeExpired,
        ChallengeUsed,
        RateLimited,
        CsrfMismatch,
    ),
)
def finish_sign_in(body: SecondFactorRequest, query: TransportQuery) -> object:
    """Finish a sign-in with the second factor.

    Takes the token that /auth/login returned with `second_factor_required`, and a code of the authenticator app, a
    recovery code or a passkey. Each code works once. The session is at level 2 (`"acr": "aal2"`).
    """
    reject_cross_site(query)
    if body.passkey is not None:
        credential = body.passkey.members()
        signed_in = auth.second_factor.finish_with_passkey(
            body.token, credential, client_info(), trust=body.trust_device
        )
        return second_factor_response(signed_in, query.transport)
    signed_in = auth.second_factor.finish(
        body.token, client_info(), code=body.code, recovery_code=body.recovery_code, trust=body.trust_device
    )
    return second_factor_response(signed_in, query.transport)


@blueprint.post("/totp")
@endpoint(
    takes=EnrolSecondFactorRequest,
    gives=TotpEnrolment,
    status=201,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(SignInTokenInvalid, SignInExpired, TooManyFactors, RateLimited),
)
def enrol_second_factor(body: EnrolSecondFactorRequest) -> object:
    """Set up the second factor that the account must have.

    For a sign-in that got `second_factor_enrolment_required`. Show the QR code, and send the first code of the app to
    `/auth/second-factor/totp/confirm`.
    """
    return auth.second_factor.start_enrolment(body.token, body.name)


@blueprint.post("/totp/confirm")
@endpoint(
    takes=ConfirmSecondFactorRequest,
    query=TransportQuery,
    gives=SecondFactorTokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(SignInTokenInvalid, SignInExpired, WrongCode, NoSuchFactor, RateLimited, CsrfMismatch),
)
def confirm_second_factor(body: ConfirmSecondFactorRequest, query: TransportQuery) -> object:
    """Confirm the new second factor and finish the sign-in.

    Returns the tokens and ten recovery codes. Show the codes: they are not shown again.
    """
    reject_cross_site(query)
    signed_in = auth.second_factor.confirm_enrolment(body.token, body.id, body.code, client_info())
    return second_factor_response(signed_in, query.transport)
