"""base64url without padding (RFC 4648, section 5), with exactly one accepted text for each value."""

import base64


def encode(data: bytes) -> str:
    """Encode bytes as text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode a text that `encode` can return. Raises `ValueError` for any other text.

    Python's decoder also accepts padding, characters outside the alphabet and unused bits that are set. With them a
    signed text that was altered would still be valid, and one token would have many texts.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def is_canonical(text: str) -> bool:
    """Whether `decode` accepts each of the parts between the dots."""
    try:
        return all(decode(part) is not None for part in text.split("."))
    except ValueError:
        return False
