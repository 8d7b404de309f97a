"""The part of the walk that is about outside identity providers."""

from flask import Flask

from tests.plans.factors import Note, NotedClient
from tests.support.api import bearer
from tests.support.lying_provider import LyingProvider
from tests.support.provider_visitor import AUTH, Visitor


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
    provider.claims = {}
    nonce = visitor.new_nonce()
    assert visitor.send_id_token(provider.id_token(nonce, sub="linked"), nonce).status_code in (200, 202)
