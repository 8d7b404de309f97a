"""Reads catalogs of translations (GNU gettext) with Babel, which is loaded when a language needs it."""

from pathlib import Path


def read_catalog(path: Path) -> dict[str, str]:
    """The translations in a `.po` file, by the English text. Those marked as fuzzy are left out."""
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        found = read_po(file)
    return {str(entry.id): str(entry.string) for entry in found if entry.id and entry.string and not entry.fuzzy}
