"""Secrets in files, as Docker, Kubernetes and systemd provide them: the path of the file is in `NAME_FILE`."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def read_secret_files(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """`environ` with the content of each file that it names for one of `names`, without the line break at its end.

    Raises `ValueError` with one line for each file that cannot be used.
    """
    found, problems = dict(environ), []
    for name in names:
        path = environ.get(f"{name}_FILE")
        if path and environ.get(name):
            problems.append(f"{name} and {name}_FILE are both set: remove one")
        elif path:
            try:
                found[name] = _read(path)
            except ValueError as problem:
                problems.append(f"{name}_FILE: {path} {problem}")
    if problems:
        raise ValueError("\n".join(problems))
    return found


def _read(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not text:
        raise ValueError("is empty")
    return text
