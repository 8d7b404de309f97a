"""Foreign text on its way into a column."""


def clean(text: str, most: int) -> str:
    """At most so many characters of it, with a blank for each that cannot be seen or kept.

    PostgreSQL keeps no NUL, and no database half of a surrogate pair. A longer text than its column is an error there.
    """
    short = text[:most]
    if short.isprintable():
        return short
    return "".join(character if character.isprintable() else " " for character in short)
