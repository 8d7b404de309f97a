"""A small API that accepts Latchkey's access tokens. It fetches the public keys and checks tokens offline.

Run it:

    pip install -r requirements.txt
    ISSUER=http://localhost:8000 PORT=9000 python hello.py
"""

import os

from flask import Flask, request
from latchkey_client import AccessToken, TokenError, TokenVerifier

verifier = TokenVerifier(os.environ.get("ISSUER", "http://localhost:8000"), audience="latchkey")  # JWT_AUDIENCE
MAX_AGE = 300  # seconds since the second factor was shown

app = Flask(__name__)


@app.errorhandler(TokenError)
def refuse(error: TokenError):
    """Say what is missing: a token, a newer sign-in, a permission, or the keys of the issuer."""
    return {"error": str(error)}, error.status, error.headers


def caller() -> AccessToken:
    """The token of the request. Raises `TokenError`."""
    return verifier.verify_header(request.headers.get("Authorization"))


@app.get("/hello")
def hello():
    """Greet the account by its id."""
    token = caller()
    return {"hello": token.account_id, "roles": token.roles}


@app.get("/secret")
def secret():
    """The same for people who have shown a second factor in the last five minutes (RFC 9470)."""
    return {"secret": caller().require_authentication(acr="aal2", max_age=MAX_AGE).account_id}


@app.get("/articles")
def articles():
    """Something for people with the permission `articles.read`, which ROLE_PERMISSIONS of the issuer gives to roles."""
    token = caller().require("articles.read")
    return {"articles": [], "may_write": "articles.write" in token.permissions}


@app.get("/plan")
def plan():
    """What administrators of the issuer have stored about the account; without any, the token has no `claims`."""
    return {"plan": caller().claims.get("claims", {}).get("plan", "free")}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "9000")))
