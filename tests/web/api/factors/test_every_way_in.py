"""No route gives tokens to an account with a second factor, unless the factor was shown."""

from datetime import timedelta

from app.core.base64url import encode
from app.current import auth_of
from app.domain.email_actions.model import Purpose
from app.domain.email_sign_ins.store import PURPOSE as SIGN_IN
from app.domain.email_sign_ins.store import PendingSignIn, digest_of
from app.domain.providers.model import code_challenge_of
from app.web.api.token_response import Tokens
from tests.support.api import ANN, NEW, PASSWORD, bearer, me, sql
from tests.support.authenticator_app import Owner
from tests.support.passkey_holder import PasskeyHolder
from tests.support.provider_visitor import Visitor


def stranger_with_a_passkey(owner):
    """Somebody with a passkey that names the owner's account, but that the account does not have."""
    stranger = PasskeyHolder(owner.client, email=owner.email)
    options = stranger.sign_up_options()
    account_id = me(owner.client, owner.tokens).json["id"].replace("-", "")
    options["user"]["id"] = encode(bytes.fromhex(account_id))
    stranger.authenticator.create(options)
    return stranger


def with_a_reset_link(owner):
    """A new passkey with the token of a link that was emailed to the owner."""
    holder = PasskeyHolder(owner.client, email=owner.email)
    credential = holder.authenticator.create(PasskeyHolder(owner.client, email="new@example.com").sign_up_options())
    flows = owner.client.application.extensions["latchkey"]
    with owner.client.application.app_context():
        account, now = flows.factors.accounts.by_email(owner.email), flows.factors.clock.now()
        until = now + timedelta(hours=1)
        with flows.factors.work as work:
            flows.invitation_answer.email_actions.create(account.id, Purpose.RESET_PASSWORD, until, message_id=7)
            work.commit()
        link = flows.factors.links.sign(Purpose.RESET_PASSWORD, account_id=account.id, state=7, expires_at=until)
    answer = owner.client.post("/api/v1/auth/invitation/passkey", json={"token": link, "credential": credential})
    assert answer.json["code"] == "link_used"
    return answer


def linked(owner):
    """The subject at the provider `work` that is linked to the owner's account, and the issuer."""
    app, account_id = owner.client.application, me(owner.client, owner.tokens).json["id"]
    step, issuer = auth_of(app).provider_sign_in.sign_in_with_identity, owner.provider.url
    with app.app_context(), step.work as work:
        if step.identities.find(issuer, "owner") is None:
            step.identities.link(account_id, "work", issuer, "owner", None, step.clock.now())
            work.commit()
    return "owner"


def by_provider_code(owner):
    visitor = Visitor(owner.client, owner.provider)
    answer = visitor.redeem(visitor.code(sub=linked(owner)))
    assert answer.json["code"] == "second_factor_required"
    owner.client.delete_cookie("latchkey_flow")
    return answer


def by_id_token(owner):
    visitor = Visitor(owner.client, owner.provider)
    owner.provider.claims, nonce = {}, visitor.new_nonce()
    answer = visitor.send_id_token(owner.provider.id_token(nonce, sub=linked(owner)), nonce)
    assert answer.json["code"] == "second_factor_required"
    return answer


def emailed(owner):
    """The attempt, and the token and the code of an email that signs in the owner, whose address is confirmed."""
    app = owner.client.application
    attempt = owner.client.post("/api/v1/auth/email", json={"email": owner.email}).json["attempt"]
    step = auth_of(app).email_sign_in.find_sign_in
    with app.app_context():
        account, now = step.accounts.by_email(owner.email), step.clock.now()
        until = now + timedelta(minutes=10)
        with step.work as work:
            step.accounts.verify_email(account, now)
            pending = PendingSignIn(
                owner.email, digest_of(attempt), now.microsecond, account.credentials_version, False, now, None, until
            )
            step.email_sign_ins.add(pending, until)
            work.commit()
        _, message_id = step.email_sign_ins.by_attempt(attempt, now)
        token = step.links.sign(SIGN_IN, account_id=digest_of(attempt), state=message_id, expires_at=until)
        return attempt, token, step.codes.of(SIGN_IN, owner.email, message_id)


def by_emailed_link(owner):
    attempt, token, _ = emailed(owner)
    answer = owner.client.post("/api/v1/auth/email/link", json={"token": token, "attempt": attempt})
    assert answer.json["code"] == "second_factor_required"
    again = owner.client.post("/api/v1/auth/email/link", json={"token": token, "attempt": attempt})
    assert again.json["code"] == "link_used"
    return answer


def by_emailed_code(owner):
    attempt, _, code = emailed(owner)
    answer = owner.client.post("/api/v1/auth/email/code", json={"attempt": attempt, "code": code})
    assert answer.json["code"] == "second_factor_required"
    return answer


def by_app_code(owner):
    """A code of a session on our pages that only a trusted device has spared the second factor."""
    app, verifier = owner.client.application, "v" * 43
    sql(app, "UPDATE sessions SET level = 1")
    kept = {
        "session": sql(app, "SELECT id FROM sessions WHERE revoked_at IS NULL ORDER BY created_at DESC")[0][0],
        "challenge": code_challenge_of(verifier),
        "ends": False,
    }
    code = auth_of(app).app_sign_in.sealed.seal("app-code", kept, timedelta(minutes=1))
    answer = owner.client.post("/api/v1/auth/token", json={"code": code, "code_verifier": verifier})
    assert answer.json["code"] == "second_factor_required"
    return answer


# For each route that gives tokens: a request that knows everything but the second factor.
WITHOUT_THE_FACTOR = {
    "POST /api/v1/auth/login": lambda owner: owner.first_step(),
    "POST /api/v1/auth/signup": lambda owner: owner.client.post("/api/v1/auth/signup", json=ANN),
    "POST /api/v1/auth/providers/token": by_provider_code,
    "POST /api/v1/auth/token": by_app_code,
    "POST /api/v1/auth/id-token": by_id_token,
    "POST /api/v1/auth/email/link": by_emailed_link,
    "POST /api/v1/auth/email/code": by_emailed_code,
    "POST /api/v1/auth/refresh": None,  # needs the refresh token of a session that has shown it
    "POST /api/v1/auth/second-factor": lambda owner: owner.second_step(code="000000"),
    "POST /api/v1/auth/passkey": lambda owner: stranger_with_a_passkey(owner).sign_in(),
    "POST /api/v1/auth/passkey/sign-up": lambda owner: stranger_with_a_passkey(owner).sign_up_without_password(),
    "POST /api/v1/auth/invitation/passkey": lambda owner: with_a_reset_link(owner),
    "POST /api/v1/auth/second-factor/totp/confirm": lambda owner: owner.client.post(
        "/api/v1/auth/second-factor/totp/confirm", json={"token": owner.step_token(), "id": 1, "code": "000000"}
    ),
}


def routes_that_give_tokens(client):
    """Found from the OpenAPI document: every response whose schema has an access token or a CSRF token."""
    document = client.get("/openapi.json").json
    schemas = {
        name
        for name, schema in document["components"]["schemas"].items()
        if "refresh_token" in schema.get("properties", ())
    } - {"RefreshRequest", "LogoutRequest"}
    assert Tokens.__name__ in schemas
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if any(f'/{name}"' in str(operation["responses"]).replace("'", '"') for name in schemas):
                yield f"{method.upper()} {path}"


def test_walk_knows_every_route_that_gives_tokens(client):
    assert set(routes_that_give_tokens(client)) == WITHOUT_THE_FACTOR.keys()


def test_no_way_in_gives_tokens_without_the_factor(owner, lying):
    owner.provider = lying
    for route, act in WITHOUT_THE_FACTOR.items():
        if act is None:
            continue
        answer = act(owner)
        assert answer.status_code >= 400, route
        assert "access_token" not in answer.text, route
        assert "Set-Cookie" not in answer.headers, route


def test_no_other_route_opens_a_session(app, owner, auth, mailbox):
    """Reset, confirmation and undo by the emailed links: none of them signs in."""
    before = sql(app, "SELECT count(*) FROM sessions")
    owner.client.post("/api/v1/forgot-password", json={"email": owner.email})
    while auth.mail_delivery.deliver_due():
        pass
    links = {}
    for each in mailbox.messages:
        for word in each.text.split():
            page, mark, token = word.partition("#token=")
            if mark:
                links[page.rpartition("/")[2]] = token
    assert {"reset-password", "verify-email", "undo-second-factor"} <= links.keys()
    requests = {
        "/verify-email": {"token": links["verify-email"]},
        "/reset-password": {"reset_token": links["reset-password"], "password": NEW},
        "/account/factors/undo": {"token": links["undo-second-factor"]},
    }
    for path, body in requests.items():
        answer = owner.client.post(f"/api/v1{path}", json=body)
        assert answer.status_code == 200, answer.text
        assert "token" not in answer.text
    assert sql(app, "SELECT count(*) FROM sessions") == before


def test_sign_up_for_the_address_of_the_owner_gives_nothing(owner):
    assert owner.client.post("/api/v1/auth/signup", json=ANN).json["code"] == "email_taken"


def test_refresh_token_of_level_one_is_rejected_after_enrolment(client, clock):
    owner = Owner(client, clock)
    owner.tokens = client.post("/api/v1/auth/signup", json=ANN).json
    other = client.post("/api/v1/auth/login", json=ANN).json
    owner.add_app()
    answer = client.post("/api/v1/auth/refresh", headers=bearer(other["refresh_token"]))
    assert answer.status_code == 401
    assert client.post("/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD}).status_code == 403
