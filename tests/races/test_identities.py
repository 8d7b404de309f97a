"""Identities at outside providers, shown many times at once: one account each, and always a way in."""

from app.domain.providers.model import ExternalIdentity, code_challenge_of
from tests.races.conftest import Cluster, SignedUp
from tests.support.concurrency import Call, post, send_together, statuses
from tests.support.profile import sized

CLIENTS = sized(16, 60)
VERIFIER = "v" * 43
IDENTITIES = "SELECT count(*) FROM identities JOIN accounts ON accounts.id = account_id WHERE accounts.email = :email"


class Person:
    """Somebody at a provider, whose address it vouches for."""

    def __init__(self, cluster: Cluster, email: str | None = None) -> None:
        self._cluster, self.email = cluster, email or cluster.new_email()
        self.external = ExternalIdentity("work", "https://id.example.com", self.email, self.email, True, None, None)

    def code(self) -> str:
        """Our one-time code for the identity."""
        flow = self._cluster.auth.provider_sign_in
        return str(flow.read_identity.make_code(self.external, code_challenge_of(VERIFIER)))

    def sign_in(self, url: str, code: str | None = None) -> Call:
        """The sign-in with a code."""
        return post(url, "/auth/providers/token", code=code or self.code(), code_verifier=VERIFIER)

    def link(self, url: str, account: SignedUp) -> Call:
        """Link the identity to an account."""
        token = self._cluster.auth.provider_sign_in.read_identity.make_link_token(self.external)
        return post(url, "/account/identities", account.access, link_token=token)


def identity_id(cluster: Cluster, email: str) -> int:
    """The id of the one identity of the account."""
    statement = "SELECT identities.id FROM identities JOIN accounts ON accounts.id = account_id"
    return int(cluster.ask(f"{statement} WHERE accounts.email = :email", email=email))


def test_one_code_opens_one_session_of_many_uses(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(1, rounds // 2)):
        person = Person(cluster)
        code = person.code()
        answers = send_together(person.sign_in(cluster.urls[turn % 2], code) for turn in range(CLIENTS))
        assert statuses(answers) == {200: 1, 400: CLIENTS - 1}


def test_first_sign_ins_of_one_person_open_one_account(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(1, rounds // 2)):
        person = Person(cluster)
        answers = send_together(person.sign_in(cluster.urls[turn % 2]) for turn in range(4))
        assert statuses(answers) == {200: 4}
        assert cluster.ask("SELECT count(*) FROM accounts WHERE email = :email", email=person.email) == 1
        assert cluster.ask(IDENTITIES, email=person.email) == 1


def test_two_accounts_never_share_one_identity(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(2, rounds)):
        person, one, other = Person(cluster), cluster.sign_up(), cluster.sign_up()
        answers = send_together([person.link(cluster.urls[0], one), person.link(cluster.urls[1], other)])
        assert statuses(answers) == {201: 1, 409: 1}
        assert cluster.ask(IDENTITIES, email=one.email) + cluster.ask(IDENTITIES, email=other.email) == 1


def test_unlinking_during_a_sign_in_leaves_no_session(cluster: Cluster, rounds: int) -> None:
    for _ in range(max(2, rounds)):
        owner = cluster.sign_up()
        person = Person(cluster)
        assert person.link(cluster.urls[0], owner).send().status == 201
        path = f"/api/v1/account/identities/{identity_id(cluster, owner.email)}"
        unlinking = Call(cluster.urls[1], "DELETE", path, owner.access)
        signed_in, unlinked = send_together([person.sign_in(cluster.urls[0]), unlinking])
        assert unlinked.status == 204
        assert signed_in.status == 200  # of the owner's account before, or of a new one after
        account = Call(cluster.urls[0], "GET", "/api/v1/account", signed_in.body["access_token"]).send()
        assert account.status == 401 or account.body["email"] == person.email


def claim_of(cluster: Cluster, email: str) -> bool:
    """Whether the account was claimed."""
    statement = "SELECT count(*) FROM audit_events JOIN accounts ON accounts.id = account_id"
    return bool(cluster.ask(f"{statement} WHERE email = :email AND event = 'account.claimed'", email=email))


def test_trusted_address_claims_while_the_maker_signs_in(cluster: Cluster, rounds: int) -> None:
    """Its maker signs in to an account that was never confirmed, while the owner of the address comes."""
    for _ in range(max(2, rounds)):
        maker = cluster.sign_up()
        person = Person(cluster, maker.email)
        login = post(cluster.urls[1], "/auth/login", email=maker.email, password="correct horse battery")
        signed_in, logged_in = send_together([person.sign_in(cluster.urls[0]), login])
        assert signed_in.status == 200
        assert claim_of(cluster, maker.email)
        for access in filter(None, (maker.access, (logged_in.body or {}).get("access_token"))):
            assert Call(cluster.urls[0], "GET", "/api/v1/account", access).send().status == 401
        assert login.send().status == 401
