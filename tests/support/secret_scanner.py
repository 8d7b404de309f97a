"""Records every secret that is sent or received, and finds it where it must not be stored."""

import base64
import hashlib
import http.client
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from cryptography.hazmat.primitives import serialization

TYPED = ("password", "current_password", "new_password")
RETURNED = ("access_token", "refresh_token", "csrf_token", "reset_token", "token", "attempt", "link_token")


class RecordingClient:
    """An HTTP client of one service. `secrets` holds, by kind, those sent and received; `answers` whole answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.secrets: dict[str, set[str]] = defaultdict(set)
        self.answers: list[str] = []
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, *, bearer: str = "", basic: tuple[str, str] | None = None,
        form: dict[str, str] | None = None, cookies: bool = False, **headers: str,
    ) -> Any:  # fmt: skip
        """Status and body, JSON where it is."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        if basic:
            self.secrets["password"].add(basic[1])
            pair = base64.b64encode(":".join(basic).encode()).decode()
            self.secrets["credentials"].add(pair)
            headers["Authorization"] = f"Basic {pair}"
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers["X-CSRF-Token"] = self.cookies.get("latchkey_csrf", "")
        return self._send(method, path, *self._written(body, form, headers))

    def _written(self, body: Any, form: dict[str, str] | None, headers: dict[str, str]) -> tuple[Any, dict[str, str]]:
        self._remember(form or body)
        if form is not None:
            return urlencode(form), headers | {"Content-Type": "application/x-www-form-urlencoded"}
        if body is None:
            return None, headers
        text = body if isinstance(body, str) else json.dumps(body)
        return text.encode(), headers | {"Content-Type": "application/json"}

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("localhost", self._port, timeout=20)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.answers.append(f"{answer.headers}{text}")
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                self.secrets[f"cookie {name}"] |= {morsel.value} - {""}
        said = json.loads(text) if "json" in answer.headers.get("Content-Type", "") and text else text
        self._remember(said)
        return answer.status, said

    def _remember(self, told: Any) -> None:
        if isinstance(told, dict):
            for name in {*TYPED, *RETURNED} & told.keys():
                if isinstance(told[name], str):
                    self.secrets["password" if name in TYPED else name].add(told[name])

    def remember_messages(self, messages: list[Any]) -> None:
        """Remember the links and codes in these messages."""
        for message in messages:
            for text in (message.text, message.html):
                self.secrets["link"] |= set(re.findall(r"#token=([\w.-]+)", text))
                self.secrets["code"] |= set(re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", text))

    def remember_key(self, key: Any) -> None:
        """Remember a private key: the lines of its PEM, and its number."""
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
        self.secrets["private key"] |= {line for line in pem.splitlines() if len(line) > 40}
        if hasattr(key, "curve"):
            self.secrets["private key"].add(f"{key.private_numbers().private_value:x}")


def encodings_of(kind: str, secret: str) -> Iterator[bytes]:
    """The ways in which a secret might be stored."""
    plain = secret.encode()
    yield plain
    if kind in ("link", "token", "reset_token", "access_token", "refresh_token") or kind.startswith("cookie"):
        yield plain.rpartition(b".")[2]  # the signature; what precedes it is public
    if kind == "code":
        yield plain.replace(b"-", b"")
    for written in (quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)):
        yield written.encode()
    yield plain.hex().encode()
    for before in range(3):  # at any offset in what was encoded
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b" " * before + plain)
            yield encoded[4 * (before > 0) : len(encoded) // 4 * 4 - 4]
    if kind in ("password", "code"):  # few enough to be guessed
        for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512):
            yield digest(plain).hexdigest().encode()
            yield base64.b64encode(digest(plain).digest()).rstrip(b"=")


def found(secrets: dict[str, set[str]], place: bytes) -> set[str]:
    """The kinds of secret that stand in `place`, in any encoding."""
    return {
        kind
        for kind, values in secrets.items()
        for value in values
        if any(len(encoding) > 5 and encoding in place for encoding in encodings_of(kind, value))
    }
