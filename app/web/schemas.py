"""Wire models that many routes share."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationInfo
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from app.core.errors import Invalid
from app.domain.accounts.emails import InvalidEmail
from app.domain.accounts.passwords import PasswordTooLong
from app.domain.tokens.codes import CodeInvalid
from app.domain.tokens.links import LinkInvalid
from app.web.input_errors import coded_error


def _has_control_characters(text: str) -> bool:
    # A NUL cannot be kept by PostgreSQL, and control characters have no place in what people read.
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def _printable(text: str) -> str:
    if _has_control_characters(text):
        raise coded_error("control_characters", "This may not contain control characters.")
    return text


def _within(shortest: int, longest: int, error: type[Invalid]) -> AfterValidator:
    # Not by limits of pydantic's: what is too long would then be refused by another code than what is wrong otherwise.
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
    shown: JsonDict = {**shape}
    return Field(json_schema_extra=shown)  # type: ignore[no-any-return]


Email = Annotated[
    str, _within(3, 254, InvalidEmail), AfterValidator(_mailable), _schema(format="email", minLength=3, maxLength=254)
]
PasswordToSet = Annotated[str, _within(0, 1_024, PasswordTooLong), _schema(format="password", maxLength=1_024)]
Password = Annotated[
    str, Field(min_length=1), _within(1, 1_024, PasswordTooLong), _schema(format="password", maxLength=1_024)
]
LinkToken = Annotated[str, _within(1, 2_000, LinkInvalid), _schema(minLength=1, maxLength=2_000)]
Code = Annotated[str, _within(8, 20, CodeInvalid), _schema(minLength=8, maxLength=20, examples=["WDJB-MJHT"])]
Name = Annotated[str, Field(max_length=100), AfterValidator(_printable)]
SearchText = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Locale = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
LARGEST_NUMBER: Final = 2**63 - 1  # of a row; a larger one in a path is no route
RowId = Annotated[int, _schema(format="int64")]


class WireSchema(GenerateJsonSchema):
    """JSON Schema for generators of clients.

    Where None is the default of a member, it may be left out, and the schema says no more. `"default": null` would
    make some generators ask for the member, and then their clients send the null, which may erase what is kept.
    """

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a member that has a default."""
        inner = schema["schema"]
        if schema.get("default", ...) is None and inner["type"] == "nullable":
            return self.generate_inner(inner["schema"])
        return super().default_schema(schema)


class RequestBody(BaseModel):
    """A request body: exactly the members named, of exactly these types.

    `called`: members by the name that a error has for them, where it is another.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    called: ClassVar[Mapping[str, str]] = {}


class ResponseBody(BaseModel):
    """An answer's body, filled from any object that has these attributes. `omits_none`: what is unknown is left out."""

    model_config = ConfigDict(from_attributes=True)
    omits_none: ClassVar[bool] = False


class MessageResponse(ResponseBody):
    """A message to show to the user."""

    message: str


class PageQuery(RequestBody):
    """Which part of a long list."""

    limit: int = Field(20, ge=1, le=100, description="How many at most")
    after: str | None = Field(None, max_length=200, description="The `next` of the page before")


class FieldError(ResponseBody):
    """One member of the input, and what is wrong with it."""

    field: str = Field(
        description="The member of the body or query, with dots for nesting; empty for the body as a whole",
        examples=["email"],
    )
    code: str = Field(description="A stable word for machines", examples=["invalid_email"])
    message: str = Field(description="A sentence for people")


class Problem(ResponseBody):
    """An error as a problem document (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The status in words", examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(description="A sentence for people")
    code: str = Field(description="A stable word for machines", examples=["invalid_input"])
    errors: list[FieldError] | None = Field(None, description="What is wrong with which member of the input")
    request_id: str | None = Field(None, description="With status 500: quote it when you report the error")
