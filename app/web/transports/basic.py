"""The basic transport: email address and password with each request (RFC 7617), if BASIC_AUTH is on."""

from flask import request

from app.current import auth, settings
from app.domain.accounts.emails import InvalidEmail
from app.flows.sessions import Scope
from app.flows.steps.check_password import InvalidCredentials
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.limits import CREDENTIAL_ATTEMPTS


class Basic:
    """`Authorization: Basic …`. Checks the password with the same limits as sign-in, and opens no session."""

    def is_presented(self) -> bool:
        """Whether the request has such a header, and the setting allows it."""
        header = request.headers.get("Authorization", "")
        return settings.basic_auth and header.lower().startswith("basic ")

    def identity(self) -> Identity:
        """The account, with a session for this request only."""
        credentials = request.authorization
        if credentials is None or not credentials.username or credentials.password is None:
            raise InvalidCredentials
        with CREDENTIAL_ATTEMPTS.as_context():
            try:
                return auth.sign_in.authenticate_request(credentials.username, credentials.password, client_info())
            except InvalidEmail:  # it would name a member of the body
                raise InvalidCredentials from None

    def refresh_token(self) -> None:
        """None: basic authentication has no refresh token."""

    def sign_out(self, scope: Scope) -> None:
        """End sessions of the account."""
        auth.sessions.sign_out(self.identity(), client_info(), scope)
