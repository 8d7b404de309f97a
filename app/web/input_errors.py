"""Errors of one member of the input: a small set of stable codes, each with a message.

pydantic has about a hundred error types with messages for Python programmers; they are mapped to these codes.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

MAX_ERRORS: Final = 20
MAX_NAME: Final = 100
CODES: Final = (
    "missing",
    "unknown",
    "repeated",
    "wrong_type",
    "wrong_format",
    "not_allowed",
    "too_short",
    "too_long",
    "too_small",
    "too_large",
    "control_characters",
    "choose_one",
    "not_json",
)
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("missing", "Required."),
    "extra_forbidden": ("unknown", "Unknown member."),
    "string_type": ("wrong_type", "Must be a string."),
    "string_unicode": ("wrong_type", "Must be a string."),
    "list_type": ("wrong_type", "Must be a list."),
    "model_type": ("wrong_type", "Must be an object."),
    "int_type": ("wrong_type", "Must be an integer."),
    "int_parsing": ("wrong_type", "Must be an integer."),
    "int_parsing_size": ("too_large", "The number is too large."),
    "greater_than_equal": ("too_small", "Must be at least %(ge)s."),
    "less_than_equal": ("too_large", "Must be at most %(le)s."),
    "literal_error": ("not_allowed", "Must be %(expected)s."),
    "string_too_short": ("too_short", "Must have at least %(min_length)s characters."),
    "string_too_long": ("too_long", "Must have at most %(max_length)s characters."),
    "too_long": ("too_long", "Must have at most %(max_length)s entries."),
    "string_pattern_mismatch": ("wrong_format", "Wrong format."),
    "uuid_parsing": ("wrong_format", "Must be a UUID."),
    "json_invalid": ("not_json", "The body must be one JSON object in UTF-8."),
}
_DEFAULT: Final = ("wrong_format", "Wrong format.")


def input_error(field: str, code: str, message: str) -> dict[str, str]:
    """One entry of `errors`; an empty `field` means the whole body."""
    # Unknown names are text of the client, so they are shortened.
    shown = field.encode("ascii", "backslashreplace").decode()[:MAX_NAME]
    return {"field": shown, "code": code, "message": message}


def coded_error(code: str, message: str) -> PydanticCustomError:
    """An error for a validator to raise: one of `CODES`, and a message."""
    return PydanticCustomError(code, message)


def input_errors(invalid: ValidationError) -> list[dict[str, str]]:
    """The errors that pydantic found, without the input, which may contain a password."""
    found = invalid.errors(include_url=False, include_input=False)
    return [input_error(".".join(map(str, error["loc"])), *_message(error)) for error in found[:MAX_ERRORS]]


def _message(error: Mapping[str, Any]) -> tuple[str, str]:
    kind = error["type"]
    if kind in CODES and kind not in _KINDS:  # one of our own validators
        return kind, error["msg"]
    code, sentence = _KINDS.get(kind, _DEFAULT)
    limits = error.get("ctx", {})
    return code, "Must not be empty." if limits.get("min_length") == 1 else sentence % limits
