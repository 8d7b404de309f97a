"""An authenticator app as people have it, and the requests of a person who uses one."""

from dataclasses import dataclass, field
from typing import Any

import pyotp

from app.core.clock import Clock
from tests.support.api import ANN, PASSWORD, bearer, sign_up

PERIOD = 30


@dataclass
class AuthenticatorApp:
    """Shows the code of a secret at the time of the clock."""

    secret: str
    clock: Clock

    def code(self, steps: int = 0) -> str:
        """The code now, or that of so many time steps later."""
        return pyotp.TOTP(self.secret).at(self.clock.now(), counter_offset=steps)

    def wrong_code(self) -> str:
        """Six digits that are the code of no step near now."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)


@dataclass
class Owner:
    """A person with a password and an authenticator app."""

    client: Any
    clock: Any
    email: str = ANN["email"]
    app: AuthenticatorApp = field(init=False)
    factor_id: int = field(init=False)
    recovery_codes: list[str] = field(init=False)
    tokens: dict[str, Any] = field(init=False)

    def call(self, method: str, path: str, token: str | None = None, **body: Any) -> Any:
        """Send a request with an access token, by default that of the newest session."""
        token = token or self.tokens["access_token"]
        return self.client.open(f"/api/v1{path}", method=method, json=body or None, headers=bearer(token))

    def sign_up(self) -> "Owner":
        """Create the account, and set up the app."""
        self.tokens = sign_up(self.client, email=self.email)
        return self.add_app()

    def add_app(self, name: str = "Phone") -> "Owner":
        """Set up an app in the newest session."""
        made = self.call("POST", "/account/factors/totp", name=name)
        assert made.status_code == 201, made.text
        self.app, self.factor_id = AuthenticatorApp(made.json["secret"], self.clock), made.json["id"]
        confirmed = self.call("POST", f"/account/factors/totp/{self.factor_id}/confirm", code=self.app.code())
        assert confirmed.status_code == 200, confirmed.text
        self.recovery_codes = confirmed.json["recovery_codes"] or self.recovery_codes
        return self

    def new_code(self) -> str:
        """A code that was not used yet: that of the next time step."""
        self.clock.advance(PERIOD)
        return self.app.code()

    def first_step(self, **more: Any) -> Any:
        """The answer to the right password."""
        return self.client.post("/api/v1/auth/login", json={"email": self.email, "password": PASSWORD} | more)

    def step_token(self) -> str:
        """The token that the first step gives."""
        answer = self.first_step()
        assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required"), answer.text
        return str(answer.json["second_factor"]["token"])

    def second_step(self, token: str | None = None, **body: Any) -> Any:
        """The answer to the second step, by default with a new code."""
        body = body or {"code": self.new_code()}
        return self.client.post("/api/v1/auth/second-factor", json={"token": token or self.step_token()} | body)

    def sign_in(self, **body: Any) -> Any:
        """Sign in with both factors; the tokens."""
        answer = self.second_step(**body)
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json
        return answer.json
