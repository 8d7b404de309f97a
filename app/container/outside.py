"""The flows of sign-in by email and with outside identity providers."""

from app.container.domain import Domain
from app.container.steps import Steps
from app.core.clock import Clock
from app.flows.email_sign_in import EmailSignIn
from app.flows.identities import Identities
from app.flows.provider_sign_in import ProviderSignIn
from config import Settings


def provider_sign_in(domain: Domain, steps: Steps, settings: Settings) -> ProviderSignIn:
    """The flow, with the URL that providers lead browsers back to."""
    return ProviderSignIn(
        domain.providers,
        domain.sealed,
        steps.read_identity,
        steps.sign_in_with_identity,
        steps.issue_tokens,
        callbacks=f"{settings.public_url}/api/v1/auth/providers",
        redirect_urls=frozenset((*settings.redirect_urls, f"{settings.public_url}/sign-in/with")),
    )


def identities(domain: Domain, steps: Steps, clock: Clock) -> Identities:
    """Lists, links and unlinks identities."""
    return Identities(
        domain.work,
        clock,
        domain.accounts,
        domain.identities,
        steps.read_identity,
        steps.link_identity,
        steps.require_way_in,
        steps.revoke_access,
        steps.notify,
        domain.journal,
        steps.require_recent_auth,
    )


def email_sign_in(steps: Steps, settings: Settings) -> EmailSignIn:
    """Sign-in by email. An account is opened only where strangers may sign up."""
    mode = settings.email_sign_in
    return EmailSignIn(
        steps.request_sign_in_email,
        steps.find_sign_in,
        steps.complete_email_sign_in,
        steps.issue_tokens,
        "existing" if mode == "open" and not steps.require_open_sign_up.is_open else mode,
    )
