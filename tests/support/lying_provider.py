"""An identity provider that a test can make lie: in its metadata, its keys, its ID tokens, or by silence."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.core.provider_settings import EmailTrust, ProviderSettings

CLIENT_ID = "latchkey"
CLIENT_SECRET = "a secret with : and /"
KID = "first"
OMITTED = object()  # a claim or header to leave out
DISCOVERY = "/.well-known/openid-configuration"


@cache
def rsa_key(bits: int = 2_048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def public_jwk(key: Any, kid: str = KID, **more: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Reply:
    """A response that replaces that of a path.

    `silence`: seconds to wait before, or until the provider closes. `drip`: seconds between the bytes of the body.
    """

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    silence: float = 0
    drip: float = 0


class LyingProvider:
    """A provider on this machine that tells the truth, until a test changes what it says."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.provider = self  # type: ignore[attr-defined]
        self.url = f"http://localhost:{self._server.server_port}"
        self.closing = threading.Event()
        self.reset()

    def reset(self) -> None:
        """Tell the truth again, and forget all requests."""
        self.keys: list[dict[str, Any]] = [public_jwk(rsa_key())]
        self.replies: dict[str, Reply] = {}
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.github_user: Any = {"id": 4711, "login": "ann", "name": "Ann Lee", "email": "typed@example.com"}
        self.github_emails: Any = [{"email": "ann@example.com", "primary": True, "verified": True}]
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def settings(self, kind: Any = "openid", **changes: Any) -> ProviderSettings:
        """The settings that make the service use this provider."""
        given: dict[str, Any] = {
            "id": "work", "kind": kind, "name": "Work", "issuer": self.url, "client_id": CLIENT_ID,
            "scopes": ("openid", "email", "profile"), "trusts_email": EmailTrust("verified"),
            "client_secret": CLIENT_SECRET,
        }  # fmt: skip
        return ProviderSettings(**given | changes)

    def count(self, path: str) -> int:
        """How many requests came for the path."""
        return sum(asked == path for asked, _, _ in self.requests)

    def true_claims(self, nonce: str = "n-1") -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300, "nonce": nonce,
            "email": "ann@example.com", "email_verified": True, "given_name": "Ann", "family_name": "Lee",
        }  # fmt: skip

    def id_token(
        self, nonce: str = "n-1", *, key: Any = None, algorithm: str = "RS256", kid: Any = KID,
        header: dict[str, Any] | None = None, **claims: Any,
    ) -> str:  # fmt: skip
        """A token that is right but for what the arguments change."""
        said = {**self.true_claims(nonce), **self.claims, **claims}
        payload = json.dumps({name: value for name, value in said.items() if value is not OMITTED}).encode()
        head = {} if kid is OMITTED else {"kid": kid}
        if algorithm in ("none", "HS256"):
            return self._without_a_private_key(payload, {**head, "alg": algorithm, **(header or {})})
        return jwt.api_jws.encode(payload, key or rsa_key(), algorithm, {**head, **(header or {})})

    def _without_a_private_key(self, payload: bytes, header: dict[str, Any]) -> str:
        signing_input = f"{base64url(json.dumps(header).encode())}.{base64url(payload)}"
        pem = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signature = hmac.digest(pem, signing_input.encode(), "sha256") if header["alg"] == "HS256" else b""
        return f"{signing_input}.{base64url(signature)}"

    def answer(self, path: str, query: dict[str, str] | None = None) -> Reply:
        """What the path is answered with."""
        if path in self.replies:
            return self.replies[path]
        if path == "/authorization" and query:
            return self._consent(query)
        if path.endswith(DISCOVERY):
            found: Any = self._true_metadata() | self.metadata
        else:
            found = {
                "/keys": {"keys": self.keys},
                "/token": {"access_token": "at", "token_type": "Bearer", "id_token": self.id_token()},
                "/userinfo": self.userinfo,
                "/login/oauth/access_token": {"access_token": "at", "token_type": "bearer"},
                "/api/v3/user": self.github_user,
                "/api/v3/user/emails": self.github_emails,
            }.get(path)
        return Reply(404) if found is None else Reply(body=json.dumps(found).encode())

    def _consent(self, query: dict[str, str]) -> Reply:
        """A page whose button posts the answer, as Apple's does."""
        self.claims = {"nonce": query["nonce"]}
        user = json.dumps({"name": {"firstName": "Ann", "lastName": "Lee"}})
        fields = {"code": "the-code", "state": query["state"], "iss": self.url, "user": user}
        inputs = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in fields.items())
        page = f'<form method="post" action="{escape(query["redirect_uri"])}">{inputs}<button>Continue</button></form>'
        return Reply(body=page.encode(), content_type="text/html")

    def _true_metadata(self) -> dict[str, Any]:
        endpoints = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")}
        return {**endpoints, "issuer": self.url, "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "authorization_response_iss_parameter_supported": True}  # fmt: skip

    @contextmanager
    def open(self) -> Iterator["LyingProvider"]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._reply(dict(parse_qsl(body)))

    def _reply(self, form: dict[str, str]) -> None:
        provider: LyingProvider = self.server.provider  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        path = url.path
        provider.requests.append((path, form, {name.lower(): value for name, value in self.headers.items()}))
        reply = provider.answer(path, dict(parse_qsl(url.query)))
        if reply.silence and provider.closing.wait(reply.silence):
            return
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if not reply.drip:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if provider.closing.wait(reply.drip):
                    return
        except OSError:  # the service has hung up
            pass

    def log_message(self, *_: object) -> None:
        pass
