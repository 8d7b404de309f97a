"""Text that clients choose, such as a user agent, made safe for an email or a list of sessions."""

import re

# Everything but words and the few signs in names of devices. It includes what joins the parts of a host name, a URL or
# an email address: mail programs turn those into links by themselves.
_NO_WORD = re.compile(r"[^\w ()',-]")
_LIKE_A_PHONE_NUMBER = re.compile(r"(?<!\w)\d[\d ()-]{5,}\d(?!\w)")


def without_links(text: str, most: int = 120) -> str:
    """The words of `text` on one line of at most `most` characters, without what a mail program turns into a link."""
    words = _LIKE_A_PHONE_NUMBER.sub(" ", _NO_WORD.sub(" ", text))
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"
