"""What may be wrong with a member of the input: a few codes of our own, each with a plain sentence.

pydantic knows a hundred kinds of error and words them for programmers; none of that leaves this file.
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
    "missing": ("missing", "This is required."),
    "extra_forbidden": ("unknown", "This route takes nothing of this name."),
    "string_type": ("wrong_type", "This must be text."),
    "string_unicode": ("wrong_type", "This must be text."),
    "list_type": ("wrong_type", "This must be a list."),
    "model_type": ("wrong_type", "This must be an object."),
    "int_type": ("wrong_type", "This must be a whole number."),
    "int_parsing": ("wrong_type", "This must be a whole number."),
    "int_parsing_size": ("too_large", "This number is too large."),
    "greater_than_equal": ("too_small", "This must be at least %(ge)s."),
    "less_than_equal": ("too_large", "This must be at most %(le)s."),
    "literal_error": ("not_allowed", "This must be %(expected)s."),
    "string_too_short": ("too_short", "This needs at least %(min_length)s characters."),
    "string_too_long": ("too_long", "This may have at most %(max_length)s characters."),
    "too_long": ("too_long", "This may have at most %(max_length)s entries."),
    "string_pattern_mismatch": ("wrong_format", "This does not have the right form."),
    "uuid_parsing": ("wrong_format", "This must be a UUID."),
    "json_invalid": ("not_json", "The body must be one JSON object in UTF-8."),
}
_DEFAULT: Final = ("wrong_format", "This does not have the right form.")


def input_error(field: str, code: str, message: str) -> dict[str, str]:
    """One entry of `errors`; the empty `field` is the body as a whole."""
    # Names that we did not ask for are the client's text: shown, but not at any length.
    shown = field.encode("ascii", "backslashreplace").decode()[:MAX_NAME]
    return {"field": shown, "code": code, "message": message}


def coded_error(code: str, message: str) -> PydanticCustomError:
    """What a validator of ours raises: one of `CODES`, and what to say."""
    return PydanticCustomError(code, message)


def input_errors(invalid: ValidationError) -> list[dict[str, str]]:
    """What pydantic found, in our words and without repeating the input: it may hold a password."""
    found = invalid.errors(include_url=False, include_input=False)
    return [input_error(".".join(map(str, error["loc"])), *_message(error)) for error in found[:MAX_ERRORS]]


def _message(error: Mapping[str, Any]) -> tuple[str, str]:
    kind = error["type"]
    if kind in CODES and kind not in _KINDS:  # one of our own validators
        return kind, error["msg"]
    code, sentence = _KINDS.get(kind, _DEFAULT)
    limits = error.get("ctx", {})
    return code, "This may not be empty." if limits.get("min_length") == 1 else sentence % limits
