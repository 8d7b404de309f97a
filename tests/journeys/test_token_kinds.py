"""Every kind of token, from a real answer or email, presented everywhere: it works in its own place, nowhere else."""

import pytest

from app.web.guards import HasToken
from tests.support.person import PASSWORD, Person
from tests.web.api.routes import ROUTES, example, takes_a_token, takes_body

NEW = "ann@example.org"
LINKS = {  # the route that takes a link's token, the member that it travels in, and what travels beside it
    "reset": ("reset-password", "reset_token", {"password": "a new horse battery"}),
    "verify": ("verify-email", "token", {}),
    "change": ("account/email/confirm", "token", {}),
    "undo": ("account/email/undo", "token", {}),
    "not me": ("not-me", "token", {}),
}
DELETION = ("DELETE", "/api/v1/account")  # like a log-out it ends the session
BEARERS = {"access": "bearerAuth", "refresh": "refreshToken"}
OTHERS = ("csrf", "code", "session id")


@pytest.fixture
def tokens(ann: Person, person) -> dict[str, str]:
    """One of each kind, all of them good at the same moment."""
    ann.ask("PUT", "account/email", {"email": NEW})
    ann.send("account/email/confirm", token=ann.link("confirm your new", "confirm-email"))
    ann.email = NEW
    ann.ask("PUT", "account/email", {"email": "ann@example.net"})
    ann.send("forgot-password", email=NEW)
    browser = person().client
    cookies = browser.post("/api/v1/auth/login?transport=cookie", json={"email": NEW, "password": PASSWORD})
    bob = person("bob@example.com")
    bob.sign_up()
    return {
        "access": ann.tokens["access_token"],
        "refresh": ann.tokens["refresh_token"],
        "reset": ann.link("Choose a new password", "reset-password"),
        "verify": bob.link("address", "verify-email"),
        "change": ann.link("confirm your new", "confirm-email"),
        "undo": ann.link("has a new address", "undo-email-change"),
        "not me": ann.link("about to change", "not-me"),
        "csrf": cookies.json["csrf_token"],
        "code": ann.code("Choose a new password"),
        "session id": ann.ask("GET", "account/sessions").json["sessions"][0]["id"],
    }


def is_for_kind(contract, kind: str) -> bool:
    """Whether the route takes this kind of token."""
    return contract.who.scheme == BEARERS.get(kind) or (isinstance(contract.who, HasToken) and kind in BEARERS)


def present_as_link(person: Person, kind: str, token: str):
    """The token of whatever kind, in the place of a link of this one."""
    path, member, beside = LINKS[kind]
    return person.send(path, **{member: token}, **beside)


def present_as_bearer(person: Person, token: str, method: str, path: str, contract):
    body = {"json": example(contract)} if takes_body(contract) else {}
    return person.client.open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **body)


def test_in_the_place_of_every_other_kind_it_is_refused(ann: Person, tokens: dict[str, str]) -> None:
    accepted = []
    for kind, token in tokens.items():
        for method, path, contract in ROUTES:
            if takes_a_token(contract) and not is_for_kind(contract, kind):
                answer = present_as_bearer(ann, token, method, path, contract)
                if (answer.status_code, answer.json["code"]) != (401, "invalid_token"):
                    accepted.append((kind, method, path, answer.text))
        for other in LINKS.keys() - {kind}:
            answer = present_as_link(ann, other, token)
            if (answer.status_code, answer.json["code"]) != (400, "link_invalid"):
                accepted.append((kind, other, answer.text))
    assert accepted == []


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_works_in_its_own_place(ann: Person, tokens: dict[str, str], kind: str) -> None:
    assert present_as_link(ann, kind, tokens[kind]).status_code == 200


@pytest.mark.parametrize("kind", BEARERS)
def test_bearer_token_passes_the_guard_of_its_routes(ann: Person, tokens: dict[str, str], kind: str) -> None:
    places = [
        (method, path) for method, path, contract in ROUTES
        if contract.who.scheme == BEARERS[kind] and not path.endswith("/logout") and (method, path) != DELETION
    ]  # fmt: skip
    credential = {"Authorization": f"Bearer {tokens[kind]}"}
    answers = [ann.client.open(path, method=method, headers=credential) for method, path in places]
    assert 401 not in {answer.status_code for answer in answers}


def test_access_cookie_rejects_every_other_token_kind(ann: Person, tokens: dict[str, str]) -> None:
    codes = {}
    for kind in tokens.keys() - {"access"}:
        ann.client.set_cookie("latchkey_access", tokens[kind])
        codes[kind] = ann.client.get("/api/v1/account").json["code"]
    assert codes == dict.fromkeys([*LINKS, *OTHERS, "refresh"], "invalid_token")
