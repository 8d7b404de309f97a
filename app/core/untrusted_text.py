"""Text that strangers choose, such as a user agent, made fit to stand in an email or in a list of sessions."""

import re

# Words and the few signs that names of devices have. What joins the parts of a host name, a URL or an email address is
# left out: mail programs make links of those by themselves.
_NO_WORD = re.compile(r"[^\w ()',-]")
_LIKE_A_PHONE_NUMBER = re.compile(r"(?<!\w)\d[\d ()-]{5,}\d(?!\w)")


def without_links(text: str, most: int = 120) -> str:
    """The words of `text` on one line of at most so many characters, with nothing that a mail program would link."""
    words = _LIKE_A_PHONE_NUMBER.sub(" ", _NO_WORD.sub(" ", text))
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"
