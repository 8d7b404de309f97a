"""How many SQL statements a sign-in with a provider costs. What anybody may ask for costs none."""

from tests.support.provider_visitor import AUTH
from tests.test_statements import statements

NEW = {"sub": "new", "email": "new@example.com"}


def test_the_way_there_and_back_costs_none(app, visitor, client):
    with statements(app) as seen:
        client.get(f"{AUTH}/providers")
        visitor.start()
        visitor.start(redirect_to="https://evil.example")
        visitor.code(**NEW)
        visitor.come_back()
        visitor.new_nonce()
        visitor.redeem("a forged code")
        visitor.send_id_token("a forged token", visitor.new_nonce())
    assert seen == []


def test_sign_in_of_a_known_person_costs_few(app, visitor, lying):
    visitor.redeem(visitor.code(**NEW))
    code = visitor.code(**NEW)
    with statements(app) as seen:
        assert visitor.redeem(code).status_code == 200
    assert seen.verbs == ["SELECT", "SELECT", "INSERT", "INSERT", "SELECT", "INSERT", "UPDATE"], list(seen)
