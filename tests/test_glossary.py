"""Retired words do not return: neither in code and comments, nor in the documentation, nor in the OpenAPI document."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from config import load

ROOT = Path(__file__).resolve().parent.parent

# Each retired word with the word to use. A phrase also matches identifiers: "known device" finds `known_device`,
# `KnownDevice` and "trusted-device". docs/glossary.md explains the words in use.
RETIRED = {
    "whoever": "who, a caller that",
    "whomever": "who",
    "anew": "again, a new",
    "amiss": "wrong",
    "whence": "from where",
    "heed": "attention",
    "nought": "nothing",
    "nobody": "no one, or say what is the case",
    "is no": "is not a",
    "beside": "next to, in addition to",
    "owe": "enqueue, queued",
    "owed": "enqueue, queued",
    "owes": "enqueue, queued",
    "letter": "email, message",
    "letters": "emails, messages",
    "letterhead": "email settings",
    "void": "revoke",
    "voids": "revokes",
    "voided": "revoked",
    "house": "service",
    "floor": "layer",
    "floors": "layers",
    "room": "package",
    "rooms": "packages",
    "wing": "compatibility API",
    "classic": "compatibility API",
    "door": "facade",
    "doors": "facade",
    "shelf": "template folder",
    "shelves": "template folders, template loader",
    "tally": "counter",
    "refusal": "error",
    "refusals": "errors",
    "farewell": "account deletion",
    "tag": "event type",
    "tags": "event types",
    "fresh session": "recent authentication",
    "fresh sessions": "recent authentication",
    "fresh sign in": "recent authentication",
    "known device": "trusted device",
    "known devices": "trusted devices",
    "device mark": "device token",
    "housekeeping": "cleanup",
    "keys reseal": "reencrypt",
    "key resealed": "reencrypted",
}
# Phrases in which a retired word has another meaning or is the former name of a setting.
ALLOWED = (
    "there is no",
    "is no longer",
    "bcp tag",
    "e tag",
    "invalid tag",
    "language tag",
    "tags group of",  # in OpenAPI
    "tags groups of",
    "eight letters",
    "letter spacing",
    "letters digits",
    "ascii letters",
    "lower case letter",
    "fresh seconds",
    "letters path",
    "housekeeping minutes",
    "classic api",
    "key resealed key reencrypted",
)
ALLOWED_IN = {
    "app/domain/accounts/weak_passwords.py": {"letters"},  # of the alphabet
    "app/domain/mail/templates/": {"nobody"},  # plain enough for readers of emails
    "docs/contributing.md": {"is no", "nobody"},  # examples of what not to write
    "docs/upgrading.md": {"housekeeping", "classic"},  # former names
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
SUFFIXES = {".py", ".html", ".txt", ".js", ".css", ".md"}
UPGRADING = "docs/upgrading.md"
NOT_CHECKED = (
    "docs/CHANGELOG.md",
    "app/domain/accounts/common_passwords.txt",  # words of other people
    "app/core/migrations/versions/",  # what databases were upgraded by stays as it is
    "app/domain/mail/templates/de/",
    "app/domain/accounts/common_passwords.txt",
)


class Phrases:
    """Sequences of words that can be found in other sequences."""

    def __init__(self, phrases: Iterator[str] | tuple[str, ...]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in phrases:
            words = phrase.split()
            self._by_first.setdefault(words[0], []).append(words)

    def found(self, words: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Each phrase in `words`, with its position."""
        for position, word in enumerate(words):
            for phrase in self._by_first.get(word, ()):
                if words[position : position + len(phrase)] == phrase:
                    yield position, phrase


RETIRED_PHRASES, ALLOWED_PHRASES = Phrases(iter(RETIRED)), Phrases(ALLOWED)


def retired_words(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The retired words in the lines, each with the number of its line."""
    numbered = [(word.lower(), number) for number, line in enumerate(lines, 1) for word in WORD.findall(line)]
    words = [word for word, _ in numbered]
    allowed = {at + offset for at, phrase in ALLOWED_PHRASES.found(words) for offset in range(len(phrase))}
    for position, phrase in RETIRED_PHRASES.found(words):
        if not allowed.issuperset(range(position, position + len(phrase))):
            yield numbered[position][1], " ".join(phrase)


def hits(name: str, lines: list[str]) -> list[str]:
    """One line for each retired word, as `file:line: word`."""
    allowed = set().union(*(words for path, words in ALLOWED_IN.items() if name.startswith(path)))
    return [
        f"{name}:{number}: {word!r}; say: {RETIRED[word]}"
        for number, word in retired_words(lines)
        if word not in allowed
    ]


def checked_files() -> list[Path]:
    """Code, templates and documentation."""
    folders = [path for name in ("app", "docs") for path in sorted((ROOT / name).rglob("*"))]
    paths = [ROOT / "config.py", ROOT / "run.py", ROOT / "README.md", *folders]
    return [path for path in paths if path.suffix in SUFFIXES and not name_of(path).startswith(NOT_CHECKED)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    if name_of(path) == UPGRADING:  # the first column of its tables has the former names
        lines = [re.sub(r"^\|[^|]*\|", "", line) for line in lines]
    return lines


def strings_in(node: object, path: str = "openapi.json") -> Iterator[tuple[str, str]]:
    """Every name and text of a JSON document, with its path."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name != "tags":  # OpenAPI's own word
                yield path, name
                yield from strings_in(value, f"{path}#{name}")
    elif isinstance(node, list):
        for value in node:
            yield from strings_in(value, path)
    elif isinstance(node, str):
        yield path, node


def test_files_have_no_retired_words():
    found = [hit for path in checked_files() for hit in hits(name_of(path), lines_of(path))]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("compat_api", [False, True])
def test_openapi_has_no_retired_words(tmp_path, compat_api):
    app = create_app(load({}, app_env="testing", instance_path=tmp_path, compat_api=compat_api))
    document = app.test_client().get("/openapi.json").json
    assert json.dumps(document).count("operationId") > 40
    found = [hit for path, text in strings_in(document) for hit in hits(path, [text])]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    "text", ["class KnownDevice:", "known_device = 1", "Send\nthe letter", "It is no cursor.", "LETTERS = 1"]
)
def test_retired_word_is_found(text):
    assert len(list(retired_words(text.splitlines()))) == 1


@pytest.mark.parametrize("text", ["There is no route.", "A code has eight letters.", "A token is no longer valid."])
def test_allowed_phrase_is_not_found(text):
    assert list(retired_words([text])) == []
