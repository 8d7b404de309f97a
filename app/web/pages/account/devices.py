"""/account/devices: where the account is signed in, and which devices are trusted."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from app.core.errors import ServiceError
from app.current import auth
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.pages.account.frame import account_pages, back_to, show, show_error, signed_in

pages_account_devices = account_pages("devices", "/devices")
HERE = "pages_account_devices.open_page"


@pages_account_devices.get("")
@signed_in
def open_page(identity: Identity) -> ResponseReturnValue:
    """Show the sessions and the trusted devices."""
    return show(identity, "devices", **_lists(identity))


@pages_account_devices.post("/<uuid:session_id>/end")
@signed_in
def end(identity: Identity, session_id: UUID) -> ResponseReturnValue:
    """End another session."""
    try:
        auth.own_sessions.revoke(identity, str(session_id), client_info())
    except ServiceError as error:
        return show_error(identity, "devices", error, **_lists(identity))
    return back_to(HERE, "signed_out")


@pages_account_devices.post("/end-others")
@signed_in
def end_others(identity: Identity) -> ResponseReturnValue:
    """End all sessions but this one."""
    auth.sessions.sign_out(identity, client_info(), "others")
    return back_to(HERE, "signed_out")


@pages_account_devices.post("/trusted/<int:device_id>/remove")
@signed_in
def distrust(identity: Identity, device_id: int) -> ResponseReturnValue:
    """Ask for the second factor on this device again."""
    try:
        auth.trusted_devices.remove(identity, device_id, client_info())
    except ServiceError as error:
        return show_error(identity, "devices", error, **_lists(identity))
    return back_to(HERE, "removed")


def _lists(identity: Identity) -> dict[str, Any]:
    return {"sessions": auth.own_sessions.all(identity), "trusted": auth.trusted_devices.all(identity)}
