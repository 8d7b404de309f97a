"""base64url without padding (RFC 4648, 5): exactly one text for each value."""

import base64


def encode(data: bytes) -> str:
    """The text for these bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes for a text that `encode` could have given; ValueError for any other.

    Python's decoder also takes padding, foreign characters and set bits where none are used: a signed text that was
    changed there would still be valid, and one token would have many texts.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not the canonical text")
    return data


def is_canonical(text: str) -> bool:
    """Whether `decode` takes each of the parts between the dots."""
    try:
        return all(decode(part) is not None for part in text.split("."))
    except ValueError:
        return False
