"""/account/identities: accounts at identity providers that sign in to this one."""

from typing import Any

from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.pages.account.frame import account_pages, back_to, recently, show, show_error, signed_in
from app.web.pages.sign_in_provider import LINK, lead_to

pages_account_identities = account_pages("identities", "/identities")


@pages_account_identities.get("")
@signed_in
@recently()
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the identities, and the providers to link another one."""
    return show(identity, "identities", **_lists(identity))


@pages_account_identities.post("/with/<string:provider_id>")
@signed_in
@recently()
def link(identity: Identity, provider_id: str) -> ResponseReturnValue:
    """Lead the browser to a provider. It comes back to the sign-in pages, which link the identity."""
    return lead_to(provider_id, LINK)


@pages_account_identities.post("/<int:identity_id>/remove")
@signed_in
def unlink(identity: Identity, identity_id: int) -> ResponseReturnValue:
    """Unlink an identity. All other sessions end."""
    try:
        auth.identities.remove(identity, identity_id, client_info())
    except ServiceError as error:
        return show_error(identity, "identities", error, **_lists(identity))
    return back_to("pages_account_identities.open_page", "removed")


def _lists(identity: Identity) -> dict[str, Any]:
    return {"found": auth.identities.all(identity), "providers": auth.provider_sign_in.all()}
