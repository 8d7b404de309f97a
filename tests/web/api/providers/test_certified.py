"""The whole sign-in with a certified provider, which refuses what a client does wrong."""

import pytest

from tests.support.provider_visitor import APP, Visitor, query_of


class CertifiedVisitor(Visitor):
    """A visitor who signs in at the certified provider."""

    def there_and_back(self, name="ann", *, cancel=False):
        """The URL of the app to which the browser comes back."""
        url = self.start().headers["Location"]
        way_back = self.provider.sign_in(url, name, cancel=cancel).removeprefix("http://localhost:8000")
        return self.client.get(way_back).headers["Location"]


@pytest.fixture
def visitor(client, certified):
    return CertifiedVisitor(client, certified, "certified")


@pytest.fixture
def identity_of(auth, visitor):
    """The identity in our code."""

    def read(url):
        code = query_of(url)["code"]
        return auth.provider_sign_in.read_identity.by_code(code, visitor.verifier).identity

    return read


def test_person_comes_back_with_a_code(visitor, identity_of, certified):
    url = visitor.there_and_back()
    assert url.startswith(f"{APP}?code=")
    assert query_of(url)["state"] == visitor.app_state
    identity = identity_of(url)
    assert (identity.provider, identity.issuer, identity.subject) == ("certified", certified.issuer, "ann")
    assert (identity.email, identity.email_trusted) == ("ann@example.com", True)
    assert (identity.first_name, identity.last_name) == ("Ann", "Lee")


def test_unverified_address_does_not_count(visitor, identity_of):
    identity = identity_of(visitor.there_and_back("unverified"))
    assert (identity.email, identity.email_trusted) == ("unverified@example.com", False)


def test_provider_may_send_no_address(visitor, identity_of):
    assert identity_of(visitor.there_and_back("silent")).email is None


def test_cancelling_leads_back_with_an_error(visitor):
    assert query_of(visitor.there_and_back(cancel=True)) == {"error": "provider_denied", "state": visitor.app_state}


def test_repeated_code_of_the_provider_is_refused(visitor, client):
    url = visitor.start().headers["Location"]
    cookie = client.get_cookie("latchkey_flow").value
    way_back = visitor.provider.sign_in(url).removeprefix("http://localhost:8000")
    answers = []
    for _ in range(2):
        client.set_cookie("latchkey_flow", cookie)
        answers.append(query_of(client.get(way_back).headers["Location"]))
    assert "code" in answers[0]
    assert answers[1]["error"] == "provider_sign_in_failed"


@pytest.mark.certified(client_secret="wrong")
def test_wrong_client_secret_is_logged_for_the_operator(visitor, caplog):
    assert query_of(visitor.there_and_back())["error"] == "provider_unavailable"
    assert "rejects the client id, secret or redirect URL: invalid_client" in caplog.text


@pytest.mark.certified(scopes=("openid",))
def test_address_that_was_not_asked_for_is_missing(visitor, identity_of):
    assert identity_of(visitor.there_and_back()).email is None
