"""What browsers exchange for passkeys, in the JSON form of WebAuthn Level 3 (`toJSON`, `parse…OptionsFromJSON`)."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from app.web.schemas import RequestBody, ResponseBody

LONGEST_ID = 1_364  # 1,023 bytes in base64url
LONGEST_RESPONSE = 40_000
CredentialId = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, examples=["AVxZvD2l9Qk0Qf6nFJ1vPQ"])]
Bytes = Annotated[str, Field(min_length=1, max_length=LONGEST_RESPONSE, description="base64url")]
ASSERTION_EXAMPLE: JsonDict = {
    "id": "AVxZvD2l9Qk0Qf6nFJ1vPQ",
    "rawId": "AVxZvD2l9Qk0Qf6nFJ1vPQ",
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "authenticatorData": "SZYN5YgO…", "signature": "MEUCIQ…"},
}
ATTESTATION_EXAMPLE: JsonDict = ASSERTION_EXAMPLE | {
    "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "attestationObject": "o2NmbXRk…", "transports": ["internal"]}
}


class _FromBrowser(RequestBody):
    """Further members are ignored: browsers add new ones."""

    model_config = ConfigDict(
        extra="ignore", strict=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class AssertionResponse(_FromBrowser):
    """What the authenticator signed."""

    client_data_json: Bytes = Field(alias="clientDataJSON")
    authenticator_data: Bytes
    signature: Bytes
    user_handle: str | None = Field(None, max_length=100)


class AttestationResponse(_FromBrowser):
    """The new public key."""

    client_data_json: Bytes = Field(alias="clientDataJSON")
    attestation_object: Bytes
    transports: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=20)


class _Credential(_FromBrowser):
    id: CredentialId
    raw_id: CredentialId
    type: Literal["public-key"]


class AssertionCredential(_Credential):
    """The result of `navigator.credentials.get`, as `toJSON()` gives it."""

    response: AssertionResponse

    def members(self) -> dict[str, Any]:
        """The members under the names that browsers use."""
        return self.model_dump(exclude_none=True)


class AttestationCredential(_Credential):
    """The result of `navigator.credentials.create`, as `toJSON()` gives it."""

    response: AttestationResponse

    def members(self) -> dict[str, Any]:
        """The members under the names that browsers use."""
        return self.model_dump(exclude_none=True)


class _ToBrowser(ResponseBody):
    model_config = ConfigDict(
        from_attributes=True, alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class CredentialDescriptor(_ToBrowser):
    """A passkey that exists."""

    type: Literal["public-key"]
    id: CredentialId
    transports: list[str] = Field(examples=[["internal", "hybrid"]])


class RequestOptions(_ToBrowser):
    """For `PublicKeyCredential.parseRequestOptionsFromJSON`."""

    challenge: str
    timeout: int = Field(description="Milliseconds", examples=[600_000])
    rp_id: str = Field(examples=["example.com"])
    allow_credentials: list[CredentialDescriptor] = Field(description="Empty: any passkey")
    user_verification: Literal["required"]


class RelyingPartyEntity(_ToBrowser):
    """The service."""

    id: str = Field(examples=["example.com"])
    name: str


class UserEntity(_ToBrowser):
    """Whose passkey it will be."""

    id: str = Field(description="The id of the account, as base64url of its 16 bytes")
    name: str
    display_name: str


class CredentialParameter(_ToBrowser):
    """A signature algorithm (COSE)."""

    type: Literal["public-key"]
    alg: int = Field(examples=[-7])


class AuthenticatorSelection(_ToBrowser):
    """Which authenticators may be used."""

    resident_key: Literal["required"]
    require_resident_key: bool
    user_verification: Literal["required"]


class CreationOptions(_ToBrowser):
    """For `PublicKeyCredential.parseCreationOptionsFromJSON`."""

    rp: RelyingPartyEntity
    user: UserEntity
    challenge: str
    pub_key_cred_params: list[CredentialParameter]
    timeout: int = Field(description="Milliseconds", examples=[600_000])
    exclude_credentials: list[CredentialDescriptor]
    authenticator_selection: AuthenticatorSelection
    attestation: Literal["none"]


class PasskeyRequestOptions(_ToBrowser):
    """How to use a passkey. Valid for ten minutes, and once."""

    public_key: RequestOptions


class PasskeyCreationOptions(_ToBrowser):
    """How to create a passkey. Valid for ten minutes, and once."""

    public_key: CreationOptions
