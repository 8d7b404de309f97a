"""Secrets are changed under a service of many processes, one process after the other, and nobody notices."""

from itertools import count, pairwise

import pytest

from app.domain.audit.chain_head import ChainBroken
from tests.conftest import AuthInContext
from tests.journeys.conftest import on_each_database
from tests.support.api import is_problem, me, refresh, sign_up
from tests.support.person import PASSWORD, Person

OLD, NEW, OTHER = (f"{word} secret of no fewer than 32 bytes" for word in ("the old", "the new", "another"))
CHANGES = {  # the settings of a process before the change, after the first step, and after the second
    "SECRET_KEY": (
        {"secret_key": OLD},
        {"secret_key": OLD, "secret_key_fallbacks": [NEW]},
        {"secret_key": NEW, "secret_key_fallbacks": [OLD]},
    ),
    "KEY_ENCRYPTION_SECRET": (
        {"secret_key": OTHER, "key_encryption_secret": OLD},
        {"secret_key": OTHER, "key_encryption_secret": OLD, "key_encryption_secret_fallbacks": [NEW]},
        {"secret_key": OTHER, "key_encryption_secret": NEW, "key_encryption_secret_fallbacks": [OLD]},
    ),
    "the first KEY_ENCRYPTION_SECRET": (
        {"secret_key": OLD},
        {"secret_key": OLD, "key_encryption_secret_fallbacks": [NEW]},
        {"secret_key": OLD, "key_encryption_secret": NEW, "key_encryption_secret_fallbacks": [OLD]},
    ),
}
_names = count(1)
pytestmark = on_each_database


@pytest.fixture
def process(settings, apps, clock):
    """`process(secret_key=NEW)` is one more on the same database, with these settings."""
    started = []

    def start(**changes):
        started.append(app := apps.get(settings.model_copy(update=changes), clock))
        return app

    yield start
    for app in started:
        apps.give_back(app)


@pytest.fixture
def somebody(mailbox):
    """`somebody(app)` is a person who was never there before, and who asks that process."""
    return lambda app: Person(app.test_client(), AuthInContext(app), mailbox, f"ann{next(_names)}@example.com")


def code_of(person):
    """The code of a new email about a new password."""
    person.send("forgot-password", email=person.email)
    return person.code("Choose a new password")


def link_of(person):
    """The token of the link in such an email."""
    person.send("forgot-password", email=person.email)
    return person.link("Choose a new password", "reset-password")


def cookies_of(person, browser=None):
    """The cookies of a new session, by name."""
    browser = browser or person.client
    credentials = {"email": person.email, "password": PASSWORD}
    assert browser.post("/api/v1/auth/login?transport=cookie", json=credentials).status_code == 200
    return {name: browser.get_cookie(name).value for name in ("latchkey_access", "latchkey_csrf")}


def browser_with(app, cookies):
    """A browser that has these cookies, and asks that process."""
    browser = app.test_client()
    for name, value in cookies.items():
        browser.set_cookie(name, value)
    return browser


def write_by_cookie(app, cookies):
    """The answer of a process to a write that only cookies and the CSRF token vouch for."""
    headers = {"X-CSRF-Token": cookies["latchkey_csrf"]}
    return browser_with(app, cookies).patch("/api/v1/account", json={"first_name": "Ann"}, headers=headers)


def use_code(app, email, code):
    """The answer of a process to a new password by code."""
    return app.test_client().post("/api/v1/reset-password", json={"email": email, "code": code, "password": PASSWORD})


def use_link(app, token):
    """The answer of a process to a new password by link."""
    return app.test_client().post("/api/v1/reset-password", json={"reset_token": token, "password": PASSWORD})


def assert_what_one_makes_the_other_takes(person, there):
    """Tokens, cookies, codes, links and the journal of the process that the person asks, brought to another."""
    assert person.sign_up().status_code == 201
    assert me(there.test_client(), person.tokens).status_code == 200
    assert refresh(there.test_client(), person.tokens).status_code == 200
    assert write_by_cookie(there, cookies_of(person)).status_code == 200
    assert use_code(there, person.email, code_of(person)).status_code == 200
    assert use_link(there, link_of(person)).status_code == 200
    assert person.auth.audit_sealing.seal() > 0
    person.sign_in()
    assert AuthInContext(there).audit_sealing.seal() > 0
    assert AuthInContext(there).audit_sealing.verify() == person.auth.audit_sealing.verify()
    assert there.test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize("change", CHANGES)
def test_processes_understand_each_other_during_each_rotation_step(process, somebody, change):
    first = None
    for earlier, later in pairwise(CHANGES[change]):
        before, after = process(**earlier), process(**later)
        first = first or sign_up(before.test_client())
        assert_what_one_makes_the_other_takes(somebody(before), after)
        assert_what_one_makes_the_other_takes(somebody(after), before)
    assert AuthInContext(after).key_rotation.reencrypt() == (1, 0)
    assert AuthInContext(after).audit_sealing.seal() == 1
    done = process(**{name: value for name, value in later.items() if not name.endswith("fallbacks")})
    assert refresh(done.test_client(), first).status_code == 200
    newcomer = somebody(done)
    newcomer.sign_up()
    assert AuthInContext(done).audit_sealing.seal() == 1
    assert me(after.test_client(), newcomer.tokens).status_code == 200
    assert AuthInContext(after).audit_sealing.verify().unsealed == 0


def test_removed_secret_invalidates_links_codes_and_cookies_only(process, somebody):
    before = process(secret_key=OLD)
    ann, bob = somebody(before), somebody(before)
    ann.sign_up()
    bob.sign_up()
    cookies, code, link = cookies_of(ann), code_of(ann), link_of(bob)
    sealed = AuthInContext(before).audit_sealing.seal()
    after = process(secret_key=NEW, key_encryption_secret_fallbacks=[OLD])
    assert is_problem(write_by_cookie(after, cookies), 403, "csrf_failed")
    assert is_problem(use_code(after, ann.email, code), 400, "code_invalid")
    assert is_problem(use_link(after, link), 400, "link_invalid")
    assert refresh(after.test_client(), ann.tokens).status_code == 200
    assert write_by_cookie(after, cookies_of(ann, browser_with(after, cookies))).status_code == 200
    assert AuthInContext(after).audit_sealing.verify().count == sealed
    assert use_link(before, link).status_code == 200  # it was the secret that was wrong, and nothing else


def test_a_secret_for_what_rests_makes_no_link(process, somebody):
    here = process(secret_key=OLD, key_encryption_secret=NEW)
    ann = somebody(here)
    ann.sign_up()
    there = process(secret_key=OTHER, key_encryption_secret=NEW, key_encryption_secret_fallbacks=[OLD])
    assert is_problem(use_link(there, link_of(ann)), 400, "link_invalid")
    assert me(there.test_client(), ann.tokens).status_code == 200


@pytest.mark.parametrize("forger", [{"secret_key": OLD}, {"secret_key": OTHER}])
def test_link_secrets_neither_decrypt_keys_nor_seal_events(process, forger):
    here = process(secret_key=OLD, secret_key_fallbacks=[OTHER], key_encryption_secret=NEW)
    sign_up(process(**forger).test_client())
    assert "signing_keys unreadable" in here.test_client().get("/readyz").json["detail"]
    AuthInContext(process(**forger)).audit_sealing.seal()
    with pytest.raises(ChainBroken, match="lacks its secret"):
        AuthInContext(here).audit_sealing.verify()


def test_sealing_continues_without_the_old_secret_after_reencryption(process):
    sign_up(process(key_encryption_secret=OLD).test_client())
    AuthInContext(process(key_encryption_secret=OLD)).audit_sealing.seal()
    knows_both = process(key_encryption_secret=NEW, key_encryption_secret_fallbacks=[OLD])
    knows_new = process(key_encryption_secret=NEW)
    assert knows_new.test_client().get("/readyz").status_code == 503
    AuthInContext(knows_both).key_rotation.reencrypt()
    AuthInContext(knows_both).audit_sealing.seal()
    assert knows_new.test_client().get("/readyz").status_code == 200
    sign_up(knows_new.test_client(), email="bob@example.com")
    assert AuthInContext(knows_new).audit_sealing.seal() == 1
    with pytest.raises(ChainBroken, match=r"Row \d+, position 1,"):
        AuthInContext(knows_new).audit_sealing.verify()
    assert AuthInContext(knows_both).audit_sealing.verify().count == 3
