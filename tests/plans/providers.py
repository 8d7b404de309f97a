"""The part of the walk that is about outside identity providers."""

from flask import Flask

from app.domain.providers.model import code_challenge_of
from tests.plans.factors import Note, NotedClient
from tests.support.api import bearer
from tests.support.lying_provider import LyingProvider
from tests.support.provider_visitor import APP, AUTH, Visitor, query_of


def walk_providers(app: Flask, note: Note, provider: LyingProvider) -> None:
    """Sign in by the pages of a provider and by an ID token, for the first time and again."""
    client = NotedClient(app, note)
    visitor = Visitor(client, provider)
    client.get(f"{AUTH}/providers")
    client.post(f"{AUTH}/providers/work/callback", data={"code": "x"})
    for claims in ({"sub": "first"}, {"sub": "first"}, {"sub": "second", "email": "owner@example.com"}):
        answer = visitor.redeem(visitor.code(**{"email": "federated@example.com", **claims}))
        assert answer.status_code in (200, 202, 409), answer.text
    code = visitor.code(sub="first")
    visitor.redeem(code)
    visitor.redeem(code)
    tokens = visitor.redeem(visitor.code(sub="first")).json
    for link in (visitor.code(sub="linked"), visitor.code(sub="first")):
        body = {"code": link, "code_verifier": visitor.verifier}
        client.post("/api/v1/account/identities", json=body, headers=bearer(tokens["access_token"]))
    listed = client.get("/api/v1/account/identities", headers=bearer(tokens["access_token"])).json["identities"]
    for each in listed:  # the last one is refused
        path = f"/api/v1/account/identities/{each['id']}"
        client.open(path, method="DELETE", headers=bearer(tokens["access_token"]))
    walk_codes_of_apps(app, client, tokens["access_token"])
    provider.claims = {}
    nonce = visitor.new_nonce()
    assert visitor.send_id_token(provider.id_token(nonce, sub="linked"), nonce).status_code in (200, 202)


def walk_codes_of_apps(app: Flask, client: NotedClient, access_token: str) -> None:
    """Hand a session on our pages over to an app."""
    verifier = "v" * 43
    with app.app_context():
        auth = app.extensions["latchkey"]
        url = auth.app_sign_in.url_with_code(
            auth.sessions.authenticate(access_token), APP, code_challenge_of(verifier), None, hand_over=True
        )
    for status in (200, 400):
        body = {"code": query_of(url)["code"], "code_verifier": verifier}
        answer = client.post(f"{AUTH}/token", json=body)
        assert answer.status_code == status, answer.text
