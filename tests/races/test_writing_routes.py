"""Eight identical requests at once to every route that writes: no error of ours, and at least one success."""

import http.client
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pyotp
import pytest

from app.domain.providers.model import ExternalIdentity, code_challenge_of
from tests.races.conftest import PASSWORD, Cluster, SignedUp
from tests.races.test_invitations import Guest
from tests.races.test_links import link
from tests.races.test_passkeys import Racer, sign_up_with_passkey
from tests.races.test_second_factor import Person, at
from tests.support.concurrency import Answer, Call, post, send_together
from tests.support.lying_provider import LyingProvider
from tests.support.profile import sized

CLIENTS = sized(3, 8)
NEW_PASSWORD = "a new horse battery"
WRITING = {"post", "put", "patch", "delete"}
ADMIN = "/api/v1/admin"
USER = ADMIN + "/users/{user_id}"
CLASSIC_USER = "/api/v1/users/{user_id}"


class Scene:
    """What the routes need before they can succeed."""

    def __init__(self, cluster: Cluster, provider: LyingProvider) -> None:
        self.cluster, self.url, self.provider = cluster, cluster.urls[0], provider
        self.admin = cluster.sign_up()
        cluster.ask("UPDATE accounts SET roles = 'admin' WHERE email = :email", email=self.admin.email)

    def call(self, method: str, path: str, access: str | None = None, **body: object) -> Call:
        """A request with a JSON body."""
        return Call(self.url, method, path, access, body)

    def own(self, method: str, path: str, **body: object) -> Call:
        """A request of somebody who has just signed up."""
        return self.call(method, f"/api/v1{path}", self.cluster.sign_up().access, **body)

    def administer(self, method: str, path: str, **body: object) -> Call:
        """A request of an administrator about a new account."""
        person = self.cluster.sign_up()
        path = path.format(user_id=self.id_of(person), session_id=self.session_of(person))
        return self.call(method, path, self.admin.access, **body)

    def invited(self, method: str) -> Call:
        """A request of an administrator about an open invitation."""
        return self.call(method, f"{ADMIN}/users/{Guest(self.cluster).account_id}/invitation", self.admin.access)

    def by_link(self, path: str, kind: str) -> Call:
        """A request with the token of an emailed link."""
        return self.call("POST", f"/api/v1{path}", token=link(self.cluster, kind))

    def enrolled(self) -> Person:
        """Somebody who has an authenticator app."""
        return Person(self.cluster)

    def confirmation(self) -> Call:
        """The first code of a new authenticator app."""
        return Person(self.cluster, enrolled=False).confirmation(0)

    def second_step(self) -> Call:
        """A second step with a code."""
        person = self.enrolled()
        return person.second_steps(1, code=person.code())[0]

    def enrolment(self, *, confirmed: bool) -> Call:
        """A request that sets up the second factor during a sign-in, by the token that the policy would give."""
        person = self.cluster.sign_up()
        flows = self.cluster.app.extensions["latchkey"]
        with self.cluster.app.app_context():
            account = flows.factors.accounts.by_id(self.id_of(person))
            token = flows.factors.links.sign(
                "second-factor-enrolment.pwd",
                account_id=account.id, state=account.credentials_version,
                expires_at=flows.factors.clock.now() + timedelta(minutes=5),
            )  # fmt: skip
        start = at(self.cluster, 0, "/auth/second-factor/totp", token=token)
        if not confirmed:
            return start
        made = start.send().body
        code = pyotp.TOTP(made["secret"]).now()
        return at(self.cluster, 0, "/auth/second-factor/totp/confirm", token=token, id=made["id"], code=code)

    def trusted_device(self) -> Call:
        """A request that removes a trusted device."""
        person = self.enrolled()
        answer = person.at(0, "/auth/second-factor", token=person.step_token(), code=person.code(), trust_device=True)
        access = answer.send().body["access_token"]
        mine = "SELECT max(id) FROM trusted_devices"
        return self.call("DELETE", f"/api/v1/account/trusted-devices/{self.cluster.ask(mine)}", access)

    def passkey(self, method: str, **body: object) -> Call:
        """A request about a passkey of the account that asks."""
        racer = Racer(self.cluster).with_passkey()
        return self.call(method, f"/api/v1/account/passkeys/{racer.passkey_ids()[0]}", racer.account.access, **body)

    def undo_factor(self) -> Call:
        """A request with the token of the email about a new factor."""
        self.cluster.ask("DELETE FROM outbox")
        person = self.enrolled()
        token = self.cluster.links("undo-second-factor")[person.email]
        return at(self.cluster, 0, "/account/factors/undo", token=token)

    def provider_code(self) -> Call:
        """A request with our code of a sign-in with an identity provider."""
        email = self.cluster.new_email()
        identity = ExternalIdentity("work", "https://id.example.com", email, email, True, None, None)
        flows, verifier = self.cluster.app.extensions["latchkey"], "v" * 43
        code = flows.provider_sign_in.read_identity.make_code(identity, code_challenge_of(verifier))
        return post(self.url, "/auth/providers/token", code=code, code_verifier=verifier)

    def app_code(self) -> Call:
        """A request with our code of a sign-in on our pages."""
        app, verifier = self.cluster.app, "v" * 43
        with app.app_context():
            flows = app.extensions["latchkey"]
            identity = flows.sessions.authenticate(self.cluster.sign_up().access)
            kept = {"session": identity.session.id, "challenge": code_challenge_of(verifier), "ends": True}
            code = flows.app_sign_in.sealed.seal("app-code", kept, timedelta(minutes=1))
        return post(self.url, "/auth/token", code=code, code_verifier=verifier)

    def link_identity(self) -> Call:
        """A request that links an identity to the account that asks."""
        email = self.cluster.new_email()
        identity = ExternalIdentity("work", "https://id.example.com", email, email, False, None, None)
        with self.cluster.app.app_context():
            token = self.cluster.app.extensions["latchkey"].provider_sign_in.read_identity.make_link_token(identity)
        return self.own("POST", "/account/identities", link_token=token)

    def unlink_identity(self) -> Call:
        """A request that unlinks it."""
        call = self.link_identity()
        return self.call("DELETE", f"/api/v1/account/identities/{call.send().body['id']}", call.token)

    def id_token(self) -> Call:
        """A request with an ID token of a person who was never here."""
        nonce, email = self.cluster.auth.provider_sign_in.nonce().nonce, self.cluster.new_email()
        token = self.provider.id_token(nonce, sub=email, email=email)
        return post(self.url, "/auth/id-token", provider="work", id_token=token, nonce=nonce)

    def form(self, method: str, path: str, cookie: str | None = None, **fields: str) -> Call:
        """A request with a form."""
        return Call(self.url, method, path, form=fields, cookie=cookie)

    def id_of(self, person: SignedUp) -> str:
        """The id of an account."""
        return str(self.cluster.ask("SELECT id FROM accounts WHERE email = :email", email=person.email))

    def session_of(self, person: SignedUp) -> str:
        """The id of its session, which also is what the compatibility API keeps in its cookies."""
        newest = "SELECT id FROM sessions WHERE account_id = :id ORDER BY created_at DESC LIMIT 1"
        return str(self.cluster.ask(newest, id=self.id_of(person)))

    def cookie(self, name: str) -> str:
        """The cookie of somebody who has just signed up."""
        return f"{name}={self.session_of(self.cluster.sign_up())}"

    def by_cookie(self, method: str, path: str, **body: object) -> Call:
        """A request of the compatibility API about a new account."""
        call = self.call(method, path.format(user_id=self.id_of(self.cluster.sign_up())), **body)
        return replace(call, cookie=self.cookie("_my_session_id"))

    def dead_message(self) -> int:
        """The id of a message that was given up."""
        self.cluster.sign_up()
        self.cluster.ask("UPDATE outbox SET state = 'dead', attempts = 9")
        return int(self.cluster.ask("SELECT max(id) FROM outbox"))

    def other_session(self) -> Call:
        """A request that ends another session of the account that asks."""
        person = self.cluster.sign_up()
        before = self.session_of(person)
        return self.call("DELETE", f"/api/v1/account/sessions/{before}", self.cluster.sign_in(person.email).access)

    def code_for_new_email(self) -> Call:
        """A request with the code from the email to a new address."""
        person = self.cluster.sign_up()
        self.cluster.mailbox.clear()
        self.call("PUT", "/api/v1/account/email", person.access, email=self.cluster.new_email()).send()
        while self.cluster.auth.mail_delivery.deliver_due():
            pass
        words = next(each for each in self.cluster.mailbox.messages if "confirm-email" in each.text).text.split()
        code = next(word for word in words if len(word) == 9 and word[4] == "-")
        return post(self.url, "/account/email/confirm-code", person.access, code=code)

    def emailed(self) -> tuple[str, str, str]:
        """The attempt, and the link's token and the code of a sign-in email to a new account."""
        person = self.cluster.sign_up()
        self.cluster.mailbox.clear()
        attempt = post(self.url, "/auth/email", email=person.email).send().body["attempt"]
        while self.cluster.auth.mail_delivery.deliver_due():
            pass
        words = next(
            each
            for each in self.cluster.mailbox.messages
            if person.email in each.recipients and "/sign-in/link" in each.text
        ).text.split()
        token = next(word for word in words if "#token=" in word).partition("#token=")[2]
        return attempt, token, next(word for word in words if len(word) == 9 and word[4] == "-")

    def sign_in_by_link(self) -> Call:
        """A sign-in by an emailed link."""
        attempt, token, _ = self.emailed()
        return self.call("POST", "/api/v1/auth/email/link", token=token, attempt=attempt)

    def check_sign_in_link(self) -> Call:
        """A look at an emailed link."""
        return self.call("POST", "/api/v1/auth/email/link/check", token=self.emailed()[1])

    def sign_in_by_code(self) -> Call:
        """A sign-in by an emailed code."""
        attempt, _, code = self.emailed()
        return post(self.url, "/auth/email/code", attempt=attempt, code=code)

    def reset_token(self) -> str:
        """The reset token of a new account."""
        return self.cluster.reset_tokens(self.cluster.sign_up().email)[0]

    def reset_by_form(self) -> Call:
        """A request of the compatibility API with a reset token that it gave."""
        email = self.cluster.sign_up().email
        token = self.form("POST", "/reset_password", email=email).send().body["reset_token"]
        return self.form("PUT", "/reset_password", email=email, reset_token=token, new_password=NEW_PASSWORD)


ACTS: dict[str, Callable[[Scene], Call]] = {
    "post /api/v1/auth/signup": lambda s: post(s.url, "/auth/signup", email=s.cluster.new_email(), password=PASSWORD),
    "post /api/v1/auth/login": lambda s: post(s.url, "/auth/login", email=s.cluster.sign_up().email, password=PASSWORD),
    "post /api/v1/auth/refresh": lambda s: post(s.url, "/auth/refresh", s.cluster.sign_up().refresh),
    "post /api/v1/auth/logout": lambda s: s.own("POST", "/auth/logout?scope=all"),
    "post /api/v1/auth/reauthenticate": lambda s: s.own("POST", "/auth/reauthenticate", password=PASSWORD),
    "delete /api/v1/account": lambda s: s.own("DELETE", "/account", password=PASSWORD),
    "patch /api/v1/account": lambda s: s.own("PATCH", "/account", first_name="Ann", locale="de"),
    "post /api/v1/auth/passkey/options": lambda s: post(s.url, "/auth/passkey/options"),
    "post /api/v1/auth/passkey": lambda s: Racer(s.cluster).with_passkey().sign_in(s.url),
    "post /api/v1/auth/passkey/sign-up/options": lambda s: post(
        s.url, "/auth/passkey/sign-up/options", email=s.cluster.new_email()
    ),
    "post /api/v1/auth/passkey/sign-up": lambda s: sign_up_with_passkey(s.cluster, s.cluster.new_email()),
    "post /api/v1/auth/reauthenticate/options": lambda s: s.own("POST", "/auth/reauthenticate/options"),
    "post /api/v1/account/passkeys/options": lambda s: s.own("POST", "/account/passkeys/options"),
    "post /api/v1/account/passkeys": lambda s: Racer(s.cluster).registration(),
    "patch /api/v1/account/passkeys/{passkey_id}": lambda s: s.passkey("PATCH", name="Laptop"),
    "delete /api/v1/account/passkeys/{passkey_id}": lambda s: s.passkey("DELETE"),
    "post /api/v1/auth/providers/{provider_id}/callback": lambda s: s.form(
        "POST", "/api/v1/auth/providers/work/callback", code="x"
    ),
    "post /api/v1/auth/email": lambda s: post(s.url, "/auth/email", email=s.cluster.sign_up().email),
    "post /api/v1/auth/email/link": lambda s: s.sign_in_by_link(),
    "post /api/v1/auth/email/link/check": lambda s: s.check_sign_in_link(),
    "post /api/v1/auth/email/code": lambda s: s.sign_in_by_code(),
    "post /api/v1/auth/providers/token": lambda s: s.provider_code(),
    "post /api/v1/auth/token": lambda s: s.app_code(),
    "post /api/v1/auth/id-token": lambda s: s.id_token(),
    "post /api/v1/account/identities": lambda s: s.link_identity(),
    "delete /api/v1/account/identities/{identity_id}": lambda s: s.unlink_identity(),
    "post /api/v1/auth/second-factor": lambda s: s.second_step(),
    "post /api/v1/auth/second-factor/totp": lambda s: s.enrolment(confirmed=False),
    "post /api/v1/auth/second-factor/totp/confirm": lambda s: s.enrolment(confirmed=True),
    "post /api/v1/account/factors/totp": lambda s: s.own("POST", "/account/factors/totp", password=PASSWORD),
    "post /api/v1/account/factors/totp/{factor_id}/confirm": lambda s: s.confirmation(),
    "patch /api/v1/account/factors/{factor_id}": lambda s: s.enrolled().renaming(),
    "delete /api/v1/account/factors/{factor_id}": lambda s: s.enrolled().removal(),
    "post /api/v1/account/factors/recovery-codes": lambda s: s.enrolled().new_codes(),
    "post /api/v1/account/factors/undo": lambda s: s.undo_factor(),
    "delete /api/v1/account/trusted-devices/{device_id}": lambda s: s.trusted_device(),
    "delete /api/v1/account/trusted-devices": lambda s: s.own("DELETE", "/account/trusted-devices"),
    "delete /api/v1/account/sessions/{session_id}": lambda s: s.other_session(),
    "post /api/v1/verify-email": lambda s: s.by_link("/verify-email", "verify-email"),
    "post /api/v1/verify-email/claim": lambda s: s.by_link("/verify-email/claim", "verify-email"),
    "post /api/v1/verify-email/resend": lambda s: post(s.url, "/verify-email/resend", email=s.cluster.sign_up().email),
    "put /api/v1/account/email": lambda s: s.own("PUT", "/account/email", email=s.cluster.new_email()),
    "post /api/v1/account/email/confirm": lambda s: s.by_link("/account/email/confirm", "confirm-email"),
    "post /api/v1/account/email/confirm-code": lambda s: s.code_for_new_email(),
    "post /api/v1/account/email/undo": lambda s: s.by_link("/account/email/undo", "undo-email-change"),
    "post /api/v1/not-me": lambda s: s.by_link("/not-me", "not-me"),
    "put /api/v1/account/password": lambda s: s.own("PUT", "/account/password", password=NEW_PASSWORD),
    "post /api/v1/forgot-password": lambda s: post(s.url, "/forgot-password", email=s.cluster.sign_up().email),
    "post /api/v1/reset-password": lambda s: post(
        s.url, "/reset-password", reset_token=s.reset_token(), password=NEW_PASSWORD
    ),
    f"post {ADMIN}/users": lambda s: s.administer("POST", f"{ADMIN}/users", email=s.cluster.new_email()),
    f"patch {USER}": lambda s: s.administer("PATCH", USER, email=s.cluster.new_email(), first_name="Eve"),
    f"delete {USER}": lambda s: s.administer("DELETE", USER),
    f"post {USER}/disable": lambda s: s.administer("POST", f"{USER}/disable"),
    f"post {USER}/enable": lambda s: s.administer("POST", f"{USER}/enable"),
    f"put {USER}/roles": lambda s: s.administer("PUT", f"{USER}/roles", roles=["admin", "editor"]),
    f"put {USER}/claims": lambda s: s.administer("PUT", f"{USER}/claims", claims={"plan": "team"}),
    f"post {USER}/invitation": lambda s: s.invited("POST"),
    f"delete {USER}/invitation": lambda s: s.invited("DELETE"),
    "post /api/v1/auth/invitation/passkey/options": lambda s: Guest(s.cluster).options(s.url),
    "post /api/v1/auth/invitation/passkey": lambda s: Guest(s.cluster).with_passkey(s.url),
    f"post {USER}/reset": lambda s: s.administer("POST", f"{USER}/reset"),
    f"delete {USER}/factors": lambda s: s.administer("DELETE", f"{USER}/factors"),
    f"delete {USER}/sessions": lambda s: s.administer("DELETE", f"{USER}/sessions"),
    f"delete {USER}/sessions/{{session_id}}": lambda s: s.administer("DELETE", f"{USER}/sessions/{{session_id}}"),
    f"post {ADMIN}/mail/{{mail_id}}/retry": lambda s: s.administer("POST", f"{ADMIN}/mail/{s.dead_message()}/retry"),
    f"post {ADMIN}/keys/rotate": lambda s: s.administer("POST", f"{ADMIN}/keys/rotate", algorithm="ES256"),
    # The compatibility API:
    "post /users": lambda s: s.form("POST", "/users", email=s.cluster.new_email(), password=PASSWORD),
    "post /sessions": lambda s: s.form("POST", "/sessions", email=s.cluster.sign_up().email, password=PASSWORD),
    "delete /sessions": lambda s: s.form("DELETE", "/sessions", s.cookie("session_id")),
    "post /reset_password": lambda s: s.form("POST", "/reset_password", email=s.cluster.sign_up().email),
    "put /reset_password": lambda s: s.reset_by_form(),
    "post /api/v1/users": lambda s: s.by_cookie(
        "POST", "/api/v1/users", email=s.cluster.new_email(), password=PASSWORD
    ),
    f"put {CLASSIC_USER}": lambda s: s.by_cookie("PUT", CLASSIC_USER, first_name="Bob"),
    f"delete {CLASSIC_USER}": lambda s: s.by_cookie("DELETE", CLASSIC_USER),
    "post /api/v1/auth_session/login": lambda s: s.form(
        "POST", "/api/v1/auth_session/login", email=s.cluster.sign_up().email, password=PASSWORD
    ),
    "delete /api/v1/auth_session/logout": lambda s: s.form(
        "DELETE", "/api/v1/auth_session/logout", s.cookie("_my_session_id")
    ),
}  # fmt: skip


BESIDE_ERASURE: list[tuple[str, str, dict[str, object]]] = [  # what inserts rows that refer to the account
    ("PUT", "/api/v1/account/email", {"email": "ann@example.net"}),
    ("PUT", "/api/v1/account/password", {"password": NEW_PASSWORD}),
    ("POST", "/reset_password", {}),
]


def writing_operations(url: str) -> set[str]:
    """Every operation of the OpenAPI document that may change something."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/openapi.json")
    paths = json.loads(connection.getresponse().read())["paths"]
    connection.close()
    return {f"{method} {path}" for path, item in paths.items() for method in item.keys() & WRITING}


@pytest.mark.settings(compat_api=True, auth_type="session_db_auth", trusted_device_days=30)
def test_no_writing_route_fails_under_parallel_identical_requests(
    cluster: Cluster, lying: LyingProvider, rounds: int
) -> None:
    assert ACTS.keys() == writing_operations(cluster.urls[0])
    scene, failed = Scene(cluster, lying), {}
    for _ in range(max(1, rounds // 5)):
        for name, prepare in ACTS.items():
            call = prepare(scene)
            answers: list[Answer] = send_together(replace(call, base=cluster.urls[n % 2]) for n in range(CLIENTS))
            found = sorted(answer.status for answer in answers)
            if found[0] >= 400 or found[-1] >= 500:
                failed.setdefault(name, []).append(found)
    assert failed == {}


@pytest.mark.settings(compat_api=True, deletion_grace_days=0)
def test_no_write_fails_while_its_account_is_erased(cluster: Cluster, lying: LyingProvider, rounds: int) -> None:
    scene, found = Scene(cluster, lying), Counter[tuple[str, int]]()
    for _ in range(rounds):
        for method, path, body in BESIDE_ERASURE:
            person = cluster.sign_up()
            write = scene.call(method, path, person.access, **body)
            if method == "POST":
                write = scene.form(method, path, email=person.email)
            erasure = scene.call("DELETE", "/api/v1/account", person.access, password=PASSWORD)
            both = [replace(call, base=url) for url in cluster.urls for call in (write, erasure) * 2]
            found.update((path, answer.status) for answer in send_together(both))
    assert [each for each in found if each[1] >= 500] == []
