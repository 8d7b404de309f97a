"""Schemas that several routes share."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationInfo
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from app.core.errors import Invalid
from app.current import auth
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.passwords import PasswordTooLong
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkInvalid
from app.flows.app_sign_in import SignInCodeInvalid
from app.flows.steps.check_second_factor import WrongCode
from app.flows.steps.open_second_step import SignInTokenInvalid
from app.flows.steps.read_identity import ProviderCodeInvalid
from app.web.input_errors import coded_error


def _has_control_characters(text: str) -> bool:
    # PostgreSQL cannot store NUL, and other control characters could disturb terminals and emails.
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def _printable(text: str) -> str:
    if _has_control_characters(text):
        raise coded_error("control_characters", "Must not contain control characters.")
    return text


def _within(shortest: int, longest: int, error: type[Invalid]) -> AfterValidator:
    # Not pydantic's own limits, so that a wrong length gets the same code as any other invalid value.
    def check(text: str, member: ValidationInfo) -> str:
        if not shortest <= len(text) <= longest:
            raise error(field=member.field_name)
        return text

    return AfterValidator(check)


def _mailable(text: str) -> str:
    if _has_control_characters(text):
        raise InvalidEmail
    return text


def _schema(**shape: JsonValue) -> FieldInfo:
    extra: JsonDict = {**shape}
    return Field(json_schema_extra=extra)  # type: ignore[no-any-return]


Email = Annotated[
    str, _within(3, 254, InvalidEmail), AfterValidator(_mailable), _schema(format="email", minLength=3, maxLength=254)
]
PasswordToSet = Annotated[str, _within(0, 1_024, PasswordTooLong), _schema(format="password", maxLength=1_024)]
Password = Annotated[
    str, Field(min_length=1), _within(1, 1_024, PasswordTooLong), _schema(format="password", maxLength=1_024)
]
LinkToken = Annotated[str, _within(1, 2_000, LinkInvalid), _schema(minLength=1, maxLength=2_000)]
Code = Annotated[str, _within(8, 20, CodeInvalid), _schema(minLength=8, maxLength=20, examples=["WDJB-MJHT"])]
Attempt = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", examples=["attempt-of-the-202-response"])]
SignInToken = Annotated[str, _within(1, 2_000, SignInTokenInvalid), _schema(minLength=1, maxLength=2_000)]
ProviderCodeText = Annotated[str, _within(1, 4_000, ProviderCodeInvalid), _schema(minLength=1, maxLength=4_000)]
SignInCodeText = Annotated[str, _within(1, 4_000, SignInCodeInvalid), _schema(minLength=1, maxLength=4_000)]
TotpCode = Annotated[
    str,
    AfterValidator(lambda text: text.replace(" ", "")),
    _within(6, 6, WrongCode),
    _schema(minLength=6, maxLength=7, examples=["123456"]),
]
RecoveryCode = Annotated[
    str, _within(24, 60, WrongCode), _schema(minLength=24, maxLength=60, examples=["3F7K-9QWE-R2TY-8PAS-DFGH-J4KZ"])
]
FactorName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_printable)]
Name = Annotated[str, Field(max_length=100), AfterValidator(_printable)]
SearchText = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Locale = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
# Of the member `roles` of an account; the setting ROLE_PERMISSIONS says which they are.
Permissions = Annotated[
    list[str],
    BeforeValidator(lambda roles: auth.profile.permissions_of(roles) if roles else roles),  # most have none
    Field(validation_alias="roles", description="What the roles allow (ROLE_PERMISSIONS), sorted"),
]
Claims = Annotated[dict[str, Any], Field(description="Set by administrators, and in access tokens")]
LARGEST_NUMBER: Final = 2**63 - 1  # of a row id; a path with a larger number is not found
RowId = Annotated[int, _schema(format="int64")]


class WireSchema(GenerateJsonSchema):
    """JSON Schema that suits client generators.

    A member whose default is None is only marked as optional. With `"default": null`, some generated clients would send
    null for it, and null may erase a stored value.
    """

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a member with a default."""
        inner = schema["schema"]
        if schema.get("default", ...) is None:
            return self.generate_inner(inner["schema"] if inner["type"] == "nullable" else inner)
        return super().default_schema(schema)


class RequestBody(BaseModel):
    """A request body. Unknown members are rejected, and types are strict.

    `called`: for a field name that an error uses, the name of the member here, if they differ.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    called: ClassVar[Mapping[str, str]] = {}


class ResponseBody(BaseModel):
    """A response body, read from the attributes of any object. `omits_none`: members that are None are left out."""

    model_config = ConfigDict(from_attributes=True)
    omits_none: ClassVar[bool] = False


class MessageResponse(ResponseBody):
    """A message to show to the user."""

    message: str


class PageQuery(RequestBody):
    """A page of a list."""

    limit: int = Field(20, ge=1, le=100, description="Maximum number of entries")
    after: str | None = Field(None, max_length=200, description="The `next` value of the previous page")


class FieldError(ResponseBody):
    """An error of one member of the input."""

    field: str = Field(
        description="Name of the member of the body or query, nested with dots; empty for the whole body",
        examples=["email"],
    )
    code: str = Field(description="Stable code for programs", examples=["invalid_email"])
    message: str = Field(description="Message for people")


class SecondFactorStep(ResponseBody):
    """The second step of a sign-in: send the token with a code of one of the methods to /auth/second-factor."""

    token: str
    expires_in: int = Field(description="Seconds until the token expires", examples=[300])
    methods: list[Literal["totp", "passkey", "recovery_code"]]


class Problem(ResponseBody):
    """An error as a problem document (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="Reason phrase of the status", examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(description="Message for people")
    code: str = Field(description="Stable code for programs", examples=["invalid_input"])
    errors: list[FieldError] | None = Field(None, description="Errors of members of the input")
    second_factor: SecondFactorStep | None = Field(None, description="How to continue a sign-in")
    link_token: str | None = Field(None, description="Links the identity, after a sign-in to the account")
    expires_in: int | None = Field(None, description="Seconds until `link_token` expires", examples=[600])
    acr: str | None = Field(None, description="The level that the access token must have", examples=["aal2"])
    request_id: str | None = Field(None, description="With status 500: quote it when you report the error")
