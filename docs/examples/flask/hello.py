"""A small API that accepts Latchkey's access tokens. It fetches the public keys and checks tokens offline.

Run it:

    pip install -r requirements.txt
    ISSUER=http://localhost:8000 PORT=9000 python hello.py
"""

import json
import os
import time
from functools import cache
from urllib.request import urlopen

import jwt
from flask import Flask, request

ISSUER = os.environ.get("ISSUER", "http://localhost:8000")
AUDIENCE = "latchkey"  # JWT_AUDIENCE of the issuer
MAX_AGE = 300  # seconds since the second factor was shown
ALGORITHMS = ["ES256", "EdDSA", "RS256"]
NEEDED = "articles.read"
FORBIDDEN = f'Bearer error="insufficient_scope", scope="{NEEDED}"'  # RFC 6750, 3.1

app = Flask(__name__)


@cache
def keys() -> jwt.PyJWKClient:
    """The issuer's public keys: cached for five minutes, fetched again earlier if a token names a new one."""
    with urlopen(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=5) as answer:  # noqa: S310 - no input
        found = json.load(answer)
    if found["issuer"] != ISSUER:
        raise RuntimeError(f"ISSUER is {ISSUER}, but its metadata says {found['issuer']}")
    return jwt.PyJWKClient(found["jwks_uri"], lifespan=300, cooldown_duration=2, timeout=5)


def check(token: str) -> dict:
    """The claims of a valid access token. Raises PyJWTError if it is invalid."""
    key = keys().get_signing_key_from_jwt(token)
    rules = {"algorithms": ALGORITHMS, "issuer": ISSUER, "audience": AUDIENCE, "leeway": 30}
    checked = jwt.decode_complete(token, key, **rules, options={"require": ["exp", "sub"]})
    if checked["header"].get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    return checked["payload"]


@app.get("/hello")
def hello():
    """Greet the account by its id."""
    sent = request.authorization
    if sent is None or sent.type != "bearer":
        return {"error": "Sign in first."}, 401, {"WWW-Authenticate": "Bearer"}
    try:
        claims = check(sent.token or "")
    except (OSError, jwt.PyJWKClientConnectionError) as unavailable:  # the token may be valid
        app.logger.warning("no keys from %s: %s", ISSUER, unavailable)
        return {"error": "Try again later."}, 503, {"Retry-After": "5"}
    except jwt.PyJWTError:
        return {"error": "Invalid access token."}, 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return {"hello": claims["sub"], "roles": claims["roles"]}


@app.get("/secret")
def secret():
    """The same for people who have shown a second factor in the last five minutes (RFC 9470)."""
    answer = hello()
    if isinstance(answer, tuple):
        return answer
    claims = check(request.authorization.token)
    if claims["acr"] != "aal2" or time.time() - claims["auth_time"] > MAX_AGE:
        asks = f'Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="{MAX_AGE}"'
        return {"error": "Enter a code of your authenticator app."}, 401, {"WWW-Authenticate": asks}
    return {"secret": claims["sub"]}


@app.get("/articles")
def articles():
    """Something for people with the permission `articles.read`, which ROLE_PERMISSIONS of the issuer gives to roles."""
    answer = hello()
    if isinstance(answer, tuple):
        return answer
    claims = check(request.authorization.token)
    if NEEDED not in claims.get("permissions", []):
        return {"error": f"You need the permission {NEEDED}."}, 403, {"WWW-Authenticate": FORBIDDEN}
    return {"articles": [], "may_write": "articles.write" in claims["permissions"]}


@app.get("/plan")
def plan():
    """What administrators of the issuer have stored about the account; without any, the token has no `claims`."""
    answer = hello()
    if isinstance(answer, tuple):
        return answer
    return {"plan": check(request.authorization.token).get("claims", {}).get("plan", "free")}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "9000")))
