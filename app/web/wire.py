"""Wire models that many routes share."""

from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _printable(text: str) -> str:
    # A NUL cannot be kept by PostgreSQL, and control characters have no place in what people read.
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("must not contain control characters")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Email = Annotated[Text, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"})]
Name = Annotated[Text, Field(max_length=100)]
Password = Annotated[str, Field(min_length=1, max_length=1_024, json_schema_extra={"format": "password"})]
Locale = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
LinkToken = Annotated[str, Field(min_length=1, max_length=2_000)]
Code = Annotated[str, Field(min_length=8, max_length=20, examples=["WDJB-MJHT"])]
LARGEST_NUMBER: Final = 2**63 - 1  # of a row; a larger one in a path is no route


class Body(BaseModel):
    """A request body: exactly the members named, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """An answer's body, filled from any object that has these attributes. `omits_none`: what is unknown is left out."""

    model_config = ConfigDict(from_attributes=True)
    omits_none: ClassVar[bool] = False


class PageQuery(Body):
    """Which part of a long list."""

    limit: int = Field(20, ge=1, le=100, description="How many at most")
    after: str | None = Field(None, max_length=200, description="The `next` of the page before")


class FieldProblem(Answer):
    """One member of the body, and what is wrong with it."""

    field: str = Field(description="The member of the body, with dots for nesting", examples=["email"])
    code: str = Field(description="A stable word for machines", examples=["invalid_email"])
    message: str = Field(description="A sentence for people")


class Problem(Answer):
    """A refusal as an RFC 9457 problem document."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The status in words", examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(description="A sentence for people")
    code: str = Field(description="A stable word for machines", examples=["invalid_input"])
    errors: list[FieldProblem] | None = Field(None, description="What is wrong with which member of the body")
