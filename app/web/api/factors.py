"""/api/v1/account/factors and /trusted-devices: the second factors of the caller's account."""

from datetime import datetime

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.accounts.hash_slots import HashSlotsFull
from app.domain.accounts.passwords import PasswordTooLong
from app.domain.factors.store import NoSuchFactor
from app.domain.tokens.links import LinkExpired, LinkInvalid, LinkUsed
from app.domain.trusted_devices.store import NoSuchTrustedDevice
from app.flows.factors import LastFactor, NoSecondFactor
from app.flows.steps.check_password import WrongPassword
from app.flows.steps.check_second_factor import WrongCode
from app.flows.steps.enrol_totp import TooManyFactors
from app.flows.steps.identity import Identity
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, SignedIn
from app.web.limits import CREDENTIAL_ATTEMPTS, Limit
from app.web.schemas import FactorName, LinkToken, MessageResponse, Password, RequestBody, ResponseBody, RowId, TotpCode

blueprint = Blueprint("factors", __name__, url_prefix="/api/v1/account")


class Factor(ResponseBody):
    """A second factor."""

    id: RowId
    type: str = Field(examples=["totp"])
    name: str | None = Field(examples=["My phone"])
    created_at: datetime
    last_used_at: datetime | None


class FactorList(ResponseBody):
    """The second factors of the account. Sign-in asks for one of them if there is any."""

    factors: list[Factor]
    recovery_codes_left: int = Field(description="Unused recovery codes", examples=[10])


class TotpEnrolment(ResponseBody):
    """A new authenticator app. It counts after its first code is confirmed."""

    id: RowId
    secret: str = Field(description="For apps without a camera (base32)", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    uri: str = Field(description="The content of the QR code", examples=["otpauth://totp/localhost:ann%40example.com"])
    qr: str = Field(description="The QR code as an image: a `data:` URI with an SVG")


class RecoveryCodeList(ResponseBody):
    """Recovery codes. They are shown once, and each works once. Empty if the account has a set already."""

    recovery_codes: list[str] = Field(examples=[["3F7K-9QWE-R2TY-8PAS-DFGH-J4KZ"]])


class TrustedDevice(ResponseBody):
    """A device on which login does not ask for the second factor."""

    id: RowId
    name: str = Field(examples=["Firefox on Windows"])
    ip: str | None = Field(examples=["192.0.2.7"])
    created_at: datetime
    expires_at: datetime


class TrustedDeviceList(ResponseBody):
    """The trusted devices of the account, newest first."""

    trusted_devices: list[TrustedDevice]


class AddTotpRequest(RequestBody):
    """A name for the app, and the current password unless the session is recently authenticated."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "My phone", "password": "correct horse battery"}]}
    )

    name: FactorName | None = None
    password: Password | None = Field(None, description="Current password. Optional after recent authentication")


class ConfirmTotpRequest(RequestBody):
    """The first code of the app."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "123456"}]})

    code: TotpCode


class RenameFactorRequest(RequestBody):
    """The new name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My new phone"}]})

    name: FactorName


class UndoFactorRequest(RequestBody):
    """The token from the link in the email."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "paste-it-from-the-email"}]})

    token: LinkToken


@blueprint.get("/factors")
@endpoint(gives=FactorList, who=SignedIn())
def list_factors(identity: Identity) -> object:
    """List second factors.

    Authenticator apps, and how many recovery codes are left.
    """
    return auth.factors.all(identity)


@blueprint.post("/factors/totp")
@endpoint(
    takes=AddTotpRequest,
    gives=TotpEnrolment,
    status=201,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*REAUTHENTICATION_ERRORS, WrongPassword, PasswordTooLong, TooManyFactors, HashSlotsFull, RateLimited),
)
def add_totp(identity: Identity, body: AddTotpRequest) -> object:
    """Set up an authenticator app.

    Show the QR code, and confirm with the first code of the app. Until then nothing changes.
    """
    return auth.factors.start(identity, body.name, body.password, client_info())


@blueprint.post("/factors/totp/<int:factor_id>/confirm")
@endpoint(
    takes=ConfirmTotpRequest,
    gives=RecoveryCodeList,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*REAUTHENTICATION_ERRORS, WrongCode, NoSuchFactor, RateLimited),
)
def confirm_totp(identity: Identity, factor_id: int, body: ConfirmTotpRequest) -> object:
    """Confirm an authenticator app.

    From now on login asks for a code. All other sessions end; this one rises to level 2. With the first app the
    response contains ten recovery codes. Show them: they are not shown again.
    """
    return {"recovery_codes": auth.factors.confirm(identity, factor_id, body.code, client_info())}


@blueprint.patch("/factors/<int:factor_id>")
@endpoint(takes=RenameFactorRequest, who=SignedIn(), status=204, errors=(NoSuchFactor,))
def rename_factor(identity: Identity, factor_id: int, body: RenameFactorRequest) -> None:
    """Rename a second factor.

    The name is for the owner only.
    """
    auth.factors.rename(identity, factor_id, body.name)


@blueprint.delete("/factors/<int:factor_id>")
@endpoint(who=SignedIn(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchFactor, LastFactor))
def remove_factor(identity: Identity, factor_id: int) -> None:
    """Remove a second factor.

    Requires recent authentication with a second factor. All other sessions end, and all devices lose their trust. With
    the last factor the recovery codes are deleted.
    """
    auth.factors.remove(identity, factor_id, client_info())


@blueprint.post("/factors/recovery-codes")
@endpoint(
    gives=RecoveryCodeList,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(*REAUTHENTICATION_ERRORS, NoSecondFactor, RateLimited),
)
def create_recovery_codes(identity: Identity) -> object:
    """Create new recovery codes.

    Requires recent authentication with a second factor. The old codes stop working.
    """
    return {"recovery_codes": auth.factors.new_recovery_codes(identity, client_info())}


@blueprint.post("/factors/undo")
@endpoint(
    takes=UndoFactorRequest,
    gives=MessageResponse,
    limit=Limit("links"),
    errors=(LinkInvalid, LinkExpired, LinkUsed, RateLimited),
)
def undo_factor(body: UndoFactorRequest) -> MessageResponse:
    """Remove a second factor that someone else added.

    Takes the token from the email about the new factor, for 72 hours. Ends all sessions.
    """
    auth.factors.undo(body.token, client_info())
    return MessageResponse(message="The second factor is removed, and all devices were signed out.")


@blueprint.get("/trusted-devices")
@endpoint(gives=TrustedDeviceList, who=SignedIn())
def list_trusted_devices(identity: Identity) -> object:
    """List trusted devices.

    Devices on which sign-in does not ask for the second factor.
    """
    return {"trusted_devices": auth.trusted_devices.all(identity)}


@blueprint.delete("/trusted-devices/<int:device_id>")
@endpoint(who=SignedIn(), status=204, errors=(NoSuchTrustedDevice,))
def remove_trusted_device(identity: Identity, device_id: int) -> None:
    """Stop trusting a device.

    Its next login asks for the second factor.
    """
    auth.trusted_devices.remove(identity, device_id, client_info())


@blueprint.delete("/trusted-devices")
@endpoint(who=SignedIn(), status=204)
def remove_trusted_devices(identity: Identity) -> None:
    """Stop trusting all devices.

    Each of them is asked for the second factor at its next sign-in.
    """
    auth.trusted_devices.remove_all(identity, client_info())
