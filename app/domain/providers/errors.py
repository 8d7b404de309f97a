"""What may go wrong in a sign-in with an identity provider."""

from app.core.errors import Invalid, NotFound, Unavailable


class ProviderNotFound(NotFound):
    """PROVIDERS does not name this provider."""

    code = "provider_not_found"
    detail = "No such identity provider. GET /api/v1/auth/providers lists them."


class ProviderUnavailable(Unavailable):
    """The provider does not respond as it should. Others are not affected."""

    code = "provider_unavailable"
    detail = "This identity provider does not respond at the moment. Try again later, or sign in another way."


class ProviderSignInFailed(Invalid):
    """The provider's answer is not acceptable: a wrong issuer, a refused code, or an invalid ID token."""

    code = "provider_sign_in_failed"
    detail = "The sign-in with the identity provider failed. Try again."


class IdTokenInvalid(Invalid):
    """The ID token is not from this provider, not for this service, too old, or does not have the nonce."""

    code = "id_token_invalid"
    detail = "The ID token is not valid here, or too old. Get a new nonce, and sign in again."
    field = "id_token"
