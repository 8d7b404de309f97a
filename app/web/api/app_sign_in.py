"""/api/v1/auth/token: tokens for an app whose user has signed in on our pages."""

from flask import Blueprint
from pydantic import ConfigDict

from app.core.errors import RateLimited
from app.current import auth
from app.domain.tokens.csrf import CsrfMismatch
from app.flows.app_sign_in import SignInCodeInvalid
from app.flows.steps.require_second_factor import SecondFactorEnrolmentRequired, SecondFactorRequired
from app.web.api.providers import CodeVerifier
from app.web.api.token_response import Tokens, TransportQuery, reject_cross_site, token_response
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import RequestBody, SignInCodeText

blueprint = Blueprint("app_sign_in", __name__, url_prefix="/api/v1/auth")


class AppCodeRequest(RequestBody):
    """The code of the redirect from our sign-in page, and the app's own PKCE verifier."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "code-of-the-redirect", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}
            ]
        }
    )

    code: SignInCodeText
    code_verifier: CodeVerifier


@blueprint.post("/token")
@endpoint(
    takes=AppCodeRequest,
    query=TransportQuery,
    gives=Tokens,
    limit=CREDENTIAL_ATTEMPTS,
    errors=(SignInCodeInvalid, SecondFactorRequired, SecondFactorEnrolmentRequired, RateLimited, CsrfMismatch),
)
def get_app_tokens(body: AppCodeRequest, query: TransportQuery) -> object:
    """Get tokens for the code of the sign-in page.

    The code works once, within 60 seconds, for the app whose `code_challenge` opened `/sign-in`.
    """
    reject_cross_site(query)
    return token_response(auth.app_sign_in.sign_in(body.code, body.code_verifier, client_info()), query.transport)
