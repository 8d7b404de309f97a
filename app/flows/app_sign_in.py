"""Sign-in on our pages for an app of another origin: the app gets a code, and for the code a session of its own."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.core.client_info import ClientInfo
from app.core.clock import Clock
from app.core.errors import Invalid
from app.domain.challenges.store import ChallengeUsed, SpentChallenges
from app.domain.providers.model import code_challenge_of
from app.domain.providers.provider import with_query
from app.domain.sessions.model import Proof
from app.domain.tokens.sealed import OpenedToken, SealedTokens
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.identity import AccountSessions, Identity
from app.flows.steps.issue_tokens import IssueTokens, Tokens
from app.flows.steps.require_allowed_redirect import RequireAllowedRedirect

CODE: Final = "app-code"
CODE_LIFETIME: Final = timedelta(seconds=60)


class SignInCodeInvalid(Invalid):
    """The code was used, is more than `CODE_LIFETIME` old, or belongs to another verifier. It does not say which."""

    code = "sign_in_code_invalid"
    detail = "This code is wrong, expired or used. Open the sign-in page again."
    field = "code"


@dataclass(frozen=True, slots=True)
class AppSignIn:
    """Authorization codes with PKCE (RFC 7636) for apps of the operator, without a table of codes or clients."""

    clock: Clock
    sealed: SealedTokens
    spent_challenges: SpentChallenges
    sessions: AccountSessions
    complete_sign_in: CompleteSignIn
    issue_tokens: IssueTokens
    require_allowed_redirect: RequireAllowedRedirect

    def check(self, redirect_to: str) -> None:
        """Raises `RedirectNotAllowed` unless the app may get codes at this URL."""
        self.require_allowed_redirect(redirect_to)

    def url_with_code(
        self, identity: Identity, redirect_to: str, code_challenge: str, state: str | None, *, hand_over: bool
    ) -> str:
        """Where the browser goes: to the app, with a code for the session that is signed in on our pages.

        `hand_over`: that session was opened for the app alone, and ends when the app has its own. Raises
        `RedirectNotAllowed`.
        """
        self.require_allowed_redirect(redirect_to)
        kept = {"session": identity.session.id, "challenge": code_challenge, "ends": hand_over}
        code = self.sealed.seal(CODE, kept, CODE_LIFETIME)
        return with_query(redirect_to, {"code": code} if state is None else {"code": code, "state": state})

    def sign_in(self, code: str, code_verifier: str, client: ClientInfo) -> Tokens:
        """The tokens of a session of the app, which authenticated when and how that on our pages did.

        Raises `SignInCodeInvalid`, also if that session has ended, and `SecondFactorRequired` if only a trusted device
        spared its owner the second factor.
        """
        self.issue_tokens.require_keys()
        opened = self.sealed.open(CODE, code)
        if opened is None or not hmac.compare_digest(code_challenge_of(code_verifier), opened.values["challenge"]):
            raise SignInCodeInvalid
        found = self._alive(opened)
        session = found.session
        proof = Proof(tuple(session.auth_methods.split()), session.level, session.authenticated_at)

        def use() -> None:
            self._alive(opened)  # again, now that its end would wait for this unit of work
            try:
                self.spent_challenges.spend(opened.unique, opened.expires_at)
            except ChallengeUsed:
                raise SignInCodeInvalid from None
            if opened.values["ends"]:
                self.sessions.end(session.id, found.owner.id, self.clock.now())

        return self.complete_sign_in(found.owner, proof, client, superseded=SignInCodeInvalid, use=use)

    def _alive(self, opened: OpenedToken) -> Identity:
        found = self.sessions.find(opened.values["session"])
        if found is None or not found.session.alive or found.owner.disabled_at is not None:
            raise SignInCodeInvalid
        return found
