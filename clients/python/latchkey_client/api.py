"""Calls the HTTP API: `Client` for one signed-in account, `Admin` for administrators."""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

Json = dict[str, Any]
SECONDS: Final = 30
EARLY: Final = 30  # seconds before the end in which an access token is refreshed
LONGEST_WAIT: Final = 10  # seconds; a longer Retry-After is left to the caller
ATTEMPTS: Final = 3


class LatchkeyError(Exception):
    """An error response (RFC 9457). Branch on `code`; `retry_after` is in seconds."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(problem.get("detail") or f"status {status}")
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", "unexpected"))
        self.errors: list[Json] = list(problem.get("errors", []))
        wait = headers.get("Retry-After", "")
        self.retry_after = int(wait) if wait.isdecimal() else None
        self.request_id = headers.get("X-Request-ID")


@dataclass(frozen=True)
class Tokens:
    """What to keep of a sign-in. `ends_at` is when the access token expires, by `time.time()`."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    ends_at: float


class Client:
    """The API for one account. Refreshes its tokens; `tokens` are the present ones, to keep them."""

    def __init__(self, url: str, tokens: Tokens | None = None, *, timeout: float = SECONDS) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError("the URL of the service begins with https://")
        self._base, self._timeout = url.rstrip("/") + "/api/v1", timeout
        self.tokens = tokens
        self._refreshing = threading.Lock()
        self._key: tuple[str, str] | None = None  # the idempotency key of a refresh whose answer may have got lost

    def sign_up(self, email: str, password: str) -> Json:
        """Create an account. Without `access_token` in the result an email must be confirmed first."""
        return self._enter("/auth/signup", {"email": email, "password": password})

    def sign_in(self, email: str, password: str) -> Json:
        """Sign in. Raises `LatchkeyError` with `second_factor_required`; then `second_factor`."""
        return self._enter("/auth/login", {"email": email, "password": password})

    def second_factor(self, token: str, *, code: str | None = None, recovery_code: str | None = None) -> Json:
        """Finish a sign-in. `token` is `error.problem["second_factor"]["token"]`."""
        given = {"token": token, "code": code, "recovery_code": recovery_code}
        return self._enter("/auth/second-factor", {name: value for name, value in given.items() if value})

    def reauthenticate(self, **given: str) -> None:
        """Prove again who is there, with `password=` or `code=`, before something sensitive."""
        self.call("POST", "/auth/reauthenticate", given)

    def account(self) -> Json:
        """The account."""
        return dict(self.call("GET", "/account"))

    def sign_out(self, scope: str = "this") -> None:
        """End this session, the `others`, or `all`."""
        self.call("POST", f"/auth/logout?scope={scope}")
        if scope != "others":
            self.tokens = None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Any route below /api/v1: the body of the response, None without one. Raises `LatchkeyError`."""
        token = self._fresh().access_token if self.tokens else None
        try:
            return self._send(method, path, body, token)
        except LatchkeyError as error:
            if error.status != 401 or not self.tokens or token is None:
                raise
            return self._send(method, path, body, self._fresh(refused=token).access_token)

    def _enter(self, path: str, body: Json) -> Json:
        answer: Json = self._send("POST", path, body, None)
        if "access_token" in answer:
            self.tokens = _tokens(answer)
        return answer

    def _fresh(self, refused: str | None = None) -> Tokens:
        with self._refreshing:
            tokens = self.tokens
            if tokens is None:
                raise RuntimeError("sign in first")
            if tokens.access_token != refused and time.time() < tokens.ends_at - EARLY:
                return tokens
            if self._key is None or self._key[0] != tokens.refresh_token:
                self._key = (tokens.refresh_token, secrets.token_urlsafe(24))
            body = {"refresh_token": tokens.refresh_token}
            try:
                answer = self._send("POST", "/auth/refresh", body, None, {"Idempotency-Key": self._key[1]})
            except LatchkeyError as error:
                if error.status == 401:
                    self.tokens = None
                raise
            self.tokens = _tokens(answer)
            return self.tokens

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        token: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                return self._request(method, path, body, token, headers or {})
            except LatchkeyError as error:
                wait = error.retry_after
                if error.status not in (429, 503) or wait is None or wait > LONGEST_WAIT or attempt == ATTEMPTS - 1:
                    raise
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: str | None, headers: Mapping[str, str]
    ) -> Any:
        sent = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, sent, method=method)  # noqa: S310 - the operator's URL
        try:
            with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310  # nosec B310
                content = answer.read()
        except HTTPError as error:
            with error:
                raise LatchkeyError(error.code, _problem(error.read()), dict(error.headers)) from None
        return json.loads(content) if content else None


class Admin(Client):
    """The API for administrators. Writes need a session that authenticated recently: see `reauthenticate`."""

    def users(self, *, search: str | None = None, state: str | None = None) -> Iterator[Json]:
        """All accounts that match, newest first; pages are read as they are needed."""
        return self._pages("/admin/users", "users", {"search": search, "state": state})

    def invitations(self) -> Iterator[Json]:
        """All open invitations."""
        return self._pages("/admin/invitations", "invitations", {})

    def audit(self, *, event: str | None = None, account: str | None = None) -> Iterator[Json]:
        """The audit log, newest first."""
        return self._pages("/admin/audit", "events", {"event": event, "account": account})

    def emails(self, *, state: str | None = None) -> Iterator[Json]:
        """The outbox, newest first."""
        return self._pages("/admin/mail", "messages", {"state": state})

    def user(self, user_id: str) -> Json:
        """One account."""
        return dict(self.call("GET", f"/admin/users/{user_id}"))

    def invite(self, email: str, **more: Any) -> Json:
        """Create an account and send an invitation; `first_name=`, `last_name=`, `locale=`, `roles=`."""
        return dict(self.call("POST", "/admin/users", {"email": email, **more}))

    def update(self, user_id: str, **changes: Any) -> Json:
        """Change `email`, `email_verified`, `first_name`, `last_name` or `locale`."""
        return dict(self.call("PATCH", f"/admin/users/{user_id}", changes))

    def set_roles(self, user_id: str, roles: list[str]) -> None:
        """Replace the roles."""
        self.call("PUT", f"/admin/users/{user_id}/roles", {"roles": roles})

    def set_claims(self, user_id: str, claims: Json) -> None:
        """Replace the claims, which are in access tokens."""
        self.call("PUT", f"/admin/users/{user_id}/claims", {"claims": claims})

    def disable(self, user_id: str) -> None:
        """Sign the account out and keep it out."""
        self.call("POST", f"/admin/users/{user_id}/disable")

    def enable(self, user_id: str) -> None:
        """Let it sign in again."""
        self.call("POST", f"/admin/users/{user_id}/enable")

    def send_reset(self, user_id: str) -> None:
        """Send the email with which the owner chooses a new password."""
        self.call("POST", f"/admin/users/{user_id}/reset")

    def remove_factors(self, user_id: str) -> None:
        """Remove second factors and passkeys of an owner who has lost them."""
        self.call("DELETE", f"/admin/users/{user_id}/factors")

    def sessions(self, user_id: str) -> list[Json]:
        """The live sessions of an account."""
        return list(self.call("GET", f"/admin/users/{user_id}/sessions")["sessions"])

    def end_sessions(self, user_id: str, session_id: str | None = None) -> None:
        """End one session, or all."""
        self.call("DELETE", f"/admin/users/{user_id}/sessions" + (f"/{session_id}" if session_id else ""))

    def delete(self, user_id: str) -> None:
        """Schedule the deletion."""
        self.call("DELETE", f"/admin/users/{user_id}")

    def _pages(self, path: str, member: str, query: Mapping[str, str | None]) -> Iterator[Json]:
        given = {name: value for name, value in query.items() if value} | {"limit": "100"}
        while True:
            page = self.call("GET", f"{path}?{urlencode(given)}")
            yield from page[member]
            if page["next"] is None:
                return
            given["after"] = page["next"]


def _tokens(answer: Json) -> Tokens:
    return Tokens(answer["access_token"], answer["refresh_token"], time.time() + answer["expires_in"])


def _problem(content: bytes) -> Json:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
