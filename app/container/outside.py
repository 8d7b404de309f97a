"""The flows of sign-in by email, with outside identity providers, and on our pages for an app."""

from app.container.domain import Domain
from app.container.steps import Steps
from app.core.clock import Clock
from app.flows.app_sign_in import AppSignIn
from app.flows.email_sign_in import EmailSignIn
from app.flows.identities import Identities
from app.flows.provider_sign_in import ProviderSignIn
from app.flows.steps.require_allowed_redirect import RequireAllowedRedirect
from config import Settings


def provider_sign_in(domain: Domain, steps: Steps, settings: Settings) -> ProviderSignIn:
    """The flow, with the URL that providers lead browsers back to."""
    own_page = f"{settings.public_url}/sign-in/with"
    return ProviderSignIn(
        domain.providers,
        domain.sealed,
        steps.read_identity,
        steps.sign_in_with_identity,
        steps.issue_tokens,
        callbacks=f"{settings.public_url}/api/v1/auth/providers",
        require_allowed_redirect=RequireAllowedRedirect((*settings.redirect_urls, own_page)),
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


def app_sign_in(domain: Domain, steps: Steps, settings: Settings, clock: Clock) -> AppSignIn:
    """Hands sign-ins on our pages over to the apps in REDIRECT_URLS."""
    return AppSignIn(
        clock,
        domain.sealed,
        domain.spent_challenges,
        domain.sessions,
        steps.complete_sign_in,
        steps.issue_tokens,
        RequireAllowedRedirect(tuple(settings.redirect_urls)),
    )
