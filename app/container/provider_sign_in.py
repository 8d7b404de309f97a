"""The flow of sign-in with outside identity providers."""

from app.container.domain import Domain
from app.container.steps import Steps
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
        redirect_urls=frozenset(settings.redirect_urls),
    )
