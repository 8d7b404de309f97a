"""Text from clients that is about to be stored."""


def clean(text: str, most: int) -> str:
    """The first `most` characters, with each unprintable one replaced by a space.

    PostgreSQL stores no NUL, databases store no lone surrogates, and a text longer than its column is an error.
    """
    short = text[:most]
    if short.isprintable():
        return short
    return "".join(character if character.isprintable() else " " for character in short)
