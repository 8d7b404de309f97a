"""/api/v1/account/passkeys: the passkeys of the caller's account."""

from datetime import datetime

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.core.errors import RateLimited
from app.current import auth
from app.domain.challenges.challenges import ChallengeExpired
from app.domain.challenges.store import ChallengeUsed
from app.domain.passkeys.store import NoSuchPasskey, PasskeyExists
from app.domain.passkeys.verification import PasskeyInvalid
from app.flows.passkeys import TooManyPasskeys
from app.flows.steps.identity import Identity
from app.flows.steps.require_way_in import LastWayIn
from app.web.api.passkey_schemas import ATTESTATION_EXAMPLE, AttestationCredential, CredentialId, PasskeyCreationOptions
from app.web.client_info import client_info
from app.web.endpoint import endpoint
from app.web.guards import REAUTHENTICATION_ERRORS, SignedIn
from app.web.limits import CREDENTIAL_ATTEMPTS
from app.web.schemas import FactorName, RequestBody, ResponseBody, RowId

blueprint = Blueprint("passkeys", __name__, url_prefix="/api/v1/account/passkeys")


class Passkey(ResponseBody):
    """A passkey."""

    id: RowId
    credential_id: CredentialId
    name: str | None = Field(examples=["Firefox on Windows"])
    created_at: datetime
    last_used_at: datetime | None
    synced: bool = Field(description="A password manager or cloud keeps a copy")
    transports: list[str] = Field(examples=[["internal", "hybrid"]])


class PasskeyList(ResponseBody):
    """The passkeys of the account. `rp_id` and `user_id` are for `PublicKeyCredential.signalAllAcceptedCredentials`."""

    rp_id: str = Field(examples=["example.com"])
    user_id: str = Field(description="base64url", examples=["bxwKUpdvTlGzuF1VcNXFxg"])
    passkeys: list[Passkey]


class AddPasskeyRequest(RequestBody):
    """The credential that the browser created, and a name for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"credential": ATTESTATION_EXAMPLE, "name": "Laptop"}]})

    credential: AttestationCredential
    name: FactorName | None = Field(None, description="By default the name of the device")


class RenamePasskeyRequest(RequestBody):
    """The new name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My new laptop"}]})

    name: FactorName


@blueprint.get("")
@endpoint(gives=PasskeyList, who=SignedIn())
def list_passkeys(identity: Identity) -> object:
    """List passkeys.

    With what the browser needs to forget passkeys that were removed.
    """
    return auth.passkeys.all(identity)


@blueprint.post("/options")
@endpoint(gives=PasskeyCreationOptions, who=SignedIn(), errors=(*REAUTHENTICATION_ERRORS, TooManyPasskeys))
def get_passkey_creation_options(identity: Identity) -> object:
    """Get the options to create a passkey.

    Requires recent authentication. Give `publicKey` to `PublicKeyCredential.parseCreationOptionsFromJSON`, and the
    result to `navigator.credentials.create`.
    """
    return {"publicKey": auth.passkeys.options(identity, client_info())}


@blueprint.post("")
@endpoint(
    takes=AddPasskeyRequest,
    gives=Passkey,
    status=201,
    who=SignedIn(),
    limit=CREDENTIAL_ATTEMPTS,
    errors=(
        *REAUTHENTICATION_ERRORS,
        PasskeyInvalid,
        ChallengeExpired,
        ChallengeUsed,
        PasskeyExists,
        TooManyPasskeys,
        RateLimited,
    ),
)
def add_passkey(identity: Identity, body: AddPasskeyRequest) -> object:
    """Add a passkey.

    Requires recent authentication. Takes the `toJSON()` of the credential that was created with the options of this
    session. The owner gets an email.
    """
    return auth.passkeys.add(identity, body.credential.members(), body.name, client_info())


@blueprint.patch("/<int:passkey_id>")
@endpoint(takes=RenamePasskeyRequest, who=SignedIn(), status=204, errors=(NoSuchPasskey,))
def rename_passkey(identity: Identity, passkey_id: int, body: RenamePasskeyRequest) -> None:
    """Rename a passkey.

    The name is for the owner only.
    """
    auth.passkeys.rename(identity, passkey_id, body.name)


@blueprint.delete("/<int:passkey_id>")
@endpoint(who=SignedIn(), status=204, errors=(*REAUTHENTICATION_ERRORS, NoSuchPasskey, LastWayIn))
def remove_passkey(identity: Identity, passkey_id: int) -> None:
    """Remove a passkey.

    Requires recent authentication. All other sessions end, and all devices lose their trust. The last passkey of an
    account without a password cannot be removed.
    """
    auth.passkeys.remove(identity, passkey_id, client_info())
