"""Random sequences of what owners, strangers and time do to accounts. After each step the app and the model agree."""

import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies._internal.featureflags import FeatureFlags

from tests.model.expected import (
    CHANGE,
    LONG_AGO,
    NOT_ME,
    RECENT,
    REFRESH_GRACE,
    RESET,
    UNDO,
    VERIFY,
    Account,
    Link,
    Session,
    claims_of,
    now,
)
from tests.model.service import ADMIN, Answer, Service, account_id_in, links_in

Rule = TypeVar("Rule")
Thing = TypeVar("Thing")
ROUTES = {
    RESET: "POST reset-password",
    VERIFY: "POST verify-email",
    CHANGE: "POST account/email/confirm",
    UNDO: "POST account/email/undo",
    NOT_ME: "POST not-me",
}
LONGEST_OUTAGE = timedelta(hours=2)  # of the mail server
NEWEST_LINKS = 10  # so many are looked at in each step
LONGEST_WAIT = timedelta(minutes=20)  # for an email of which too many were asked for
ONLY_THE_OWNER_KNOWS = "the next password of the owner"

people = st.sampled_from(["owner", "stranger"])
addresses = st.sampled_from(["ann@example.com", "bob@example.com", "tom@example.org"])
passwords = st.sampled_from(["correct horse battery", "a new horse battery", "the horse of a thief"])
proofs = st.sampled_from(["right", "wrong", None])  # the password that a signed-in person sends along
which = st.sampled_from([0, 0, 1, 2])  # 0: the newest
times = st.sampled_from([
    timedelta(seconds=11), timedelta(minutes=8), timedelta(minutes=21), timedelta(hours=2), timedelta(hours=25),
    timedelta(hours=71), timedelta(days=8), timedelta(days=15),
])  # fmt: skip

signed_in = precondition(lambda machine: bool(machine.live_sessions() or machine.open_accounts()))


def with_link(purpose: str) -> Callable[[Rule], Rule]:
    """The rule is for when such a link is in some mailbox, used or not."""
    return precondition(lambda machine: any(link.purpose == purpose for link in machine.links))


class AccountMachine(RuleBasedStateMachine):
    """Anybody may try anything; the model says what succeeds."""

    def __init__(self, service: Service, *, every_rule: bool) -> None:
        super().__init__()
        self.service, self.ask = service, service.ask
        self.accounts: list[Account] = []
        self.sessions: list[Session] = []
        self.links: list[Link] = []
        self.live_before: list[Session] = []
        self.working_before: list[Link] = []
        self.steps, self.emails_wait = 0, False
        self.admin_token, self.admin_since = "", LONG_AGO
        if every_rule:  # else Hypothesis leaves some out, other ones in each example, which pays with many examples
            self._rules_strategy.enabled_rules_strategy = st.just(FeatureFlags())
        service.start_over()

    # What anybody can do

    @initialize(stolen=st.booleans())
    def open_first_account(self, stolen: bool) -> None:
        self.sign_up("owner", "ann@example.com", "correct horse battery")
        if stolen:
            self.forget_password("stranger", "ann@example.com")
            self.log_in("stranger", "ann@example.com", "correct horse battery")
            self.read_emails()
            self.ask_for_new_address_and_confirm(0, "tom@example.org")

    @rule(person=people, address=addresses, password=passwords)
    def sign_up(self, person: str, address: str, password: str) -> None:
        answer = self.ask("POST auth/signup", person, email=address, password=password)
        if self.is_taken(address):
            assert answer.code == "email_taken"
            return
        shown = self.ask("GET account", person, answer.json["access_token"]).json
        account = Account(shown["id"], address, password, addresses={address})
        self.accounts.append(account)
        self.open_session(account, person, answer)

    @rule(person=people, address=addresses, password=passwords)
    def log_in(self, person: str, address: str, password: str) -> None:
        answer = self.ask("POST auth/login", person, email=address, password=password)
        account = self.account_at(address)
        if account is None or not account.opens_with(password):
            assert answer.code == "invalid_credentials"
            return
        account.deletes_at = None
        self.open_session(account, person, answer)

    @rule(person=people, n=which)
    def log_in_with_right_password(self, person: str, n: int) -> None:
        if accounts := [account for account in self.existing_accounts() if account.password]:
            account = pick(accounts, n)
            self.log_in(person, account.address, str(account.password))

    @rule(person=people, address=addresses)
    def forget_password(self, person: str, address: str) -> None:
        assert self.ask("POST forgot-password", person, email=address).status == 200

    @rule(person=people, address=addresses)
    def ask_for_confirmation_again(self, person: str, address: str) -> None:
        assert self.ask("POST verify-email/resend", person, email=address).status == 202

    # What a link or a code from an email does

    @with_link(RESET)
    @rule(person=people, n=which, password=passwords)
    def reset_password(self, person: str, n: int, password: str) -> None:
        link = self.pick_link(RESET, n)
        self.use(link, person, lambda: link.account.reset_password(password), password=password)

    @with_link(RESET)
    @rule(person=people, n=which, address=st.none() | addresses, password=passwords)
    def reset_password_by_code(self, person: str, n: int, address: str | None, password: str) -> None:
        link = self.pick_link(RESET, n)
        effect = lambda: link.account.reset_password(password)  # noqa: E731
        self.type_code(link, address or link.mailbox, person, effect, password=password)

    @with_link(VERIFY)
    @rule(person=people, n=which)
    def confirm_address(self, person: str, n: int) -> None:
        link = self.pick_link(VERIFY, n)
        self.use(link, person, lambda: link.account.confirm(person))

    @with_link(VERIFY)
    @rule(person=people, n=which)
    def confirm_address_by_code(self, person: str, n: int) -> None:
        link = self.pick_link(VERIFY, n)
        self.type_code(link, link.mailbox, person, link.account.confirm_by_code)

    @with_link(VERIFY)
    @rule(person=people, n=which)
    def claim_account(self, person: str, n: int) -> None:
        link = self.pick_link(VERIFY, n)
        refusal = link.account.refusal(link) or ("link_used" if link.account.verified else None)
        assert self.ask("POST verify-email/claim", person, token=link.token).code == refusal
        if refusal is None:
            link.account.claim()
            assert self.ask("POST verify-email/claim", person, token=link.token).code == "link_used"

    @with_link(CHANGE)
    @rule(person=people, n=which)
    def confirm_new_address(self, person: str, n: int) -> None:
        self.move_account(self.pick_link(CHANGE, n), person)

    @with_link(UNDO)
    @rule(person=people, n=which)
    def undo_change_of_address(self, person: str, n: int) -> None:
        link = self.pick_link(UNDO, n)
        self.use(link, person, lambda: link.account.undo_move(link))

    @with_link(NOT_ME)
    @rule(person=people, n=which)
    def say_this_was_not_me(self, person: str, n: int) -> None:
        link = self.pick_link(NOT_ME, n)
        self.use(link, person, link.account.lock)

    @precondition(lambda self: bool(self.links))
    @rule(person=people, purpose=st.sampled_from([*ROUTES]), n=which)
    def use_link_for_another_purpose(self, person: str, purpose: str, n: int) -> None:
        link = pick(self.links, n)
        if link.purpose != purpose:
            assert self.ask(ROUTES[purpose], person, **body_for(purpose, link.token)).code == "link_invalid"

    # What a session can do, in the hands of its owner or of a thief

    @signed_in
    @rule(n=which)
    def refresh(self, n: int) -> None:
        self.refresh_session(self.pick_session(n))

    @signed_in
    @rule(n=which, age=st.integers(1, 2), later=st.booleans())
    def refresh_with_old_token(self, n: int, age: int, later: bool) -> None:
        session = self.pick_session(n)
        while len(session.refresh_tokens) <= age:
            self.refresh_session(session)
        if later:
            self.service.advance(REFRESH_GRACE + timedelta(seconds=1))
        token = session.refresh_tokens[-1 - age]
        answer = self.ask("POST auth/refresh", session.person, refresh_token=token)
        if token == session.parent and session.in_grace():
            assert claims_of(answer.json["refresh_token"])["jti"] == claims_of(session.refresh_tokens[-1])["jti"]
        elif token == session.parent:
            assert answer.json["refresh_token"] not in session.refresh_tokens
            session.keep(answer.json)
        else:
            assert answer.code == "invalid_token"
            session.ended = True

    @signed_in
    @rule(n=which, scope=st.sampled_from(["this", "others", "all"]))
    def log_out(self, n: int, scope: str) -> None:
        session = self.pick_session(n)
        assert self.act(session, "POST auth/logout?scope={scope}", scope=scope).status == 204
        for each in session.account.sessions:
            each.ended = each.ended or scope == "all" or (each is session) == (scope == "this")

    @signed_in
    @rule(n=which, other=which)
    def log_out_device(self, n: int, other: int) -> None:
        session = self.pick_session(n)
        alive = [each for each in self.live_sessions() if each.account is session.account]
        listed = self.act(session, "GET account/sessions").json["sessions"]
        assert {each["id"] for each in listed} == {each.id for each in alive}
        ended = pick(alive, other)
        assert self.act(session, "DELETE account/sessions/{id}", id=ended.id).status == 204
        ended.ended = True

    @signed_in
    @rule(n=which, proof=st.sampled_from(["right", "wrong"]))
    def reauthenticate(self, n: int, proof: str) -> None:
        session = self.pick_session(n)
        password = session.password(proof)
        answer = self.act(session, "POST auth/reauthenticate", password=password)
        assert answer.code == session.refusal(password)
        if answer.code is None:
            session.authenticated_at = now()

    @signed_in
    @rule(n=which, password=passwords, proof=proofs)
    def change_password(self, n: int, password: str, proof: str | None) -> None:
        session = self.pick_session(n)
        current = session.password(proof)
        answer = self.act(session, "PUT account/password", password=password, current_password=current)
        assert answer.code == session.refusal(current)
        if answer.code is None:
            session.account.change_password(password, keep=session)
            session.authenticated_at = now()

    @signed_in
    @rule(n=which, address=addresses, proof=proofs)
    def ask_for_new_address(self, n: int, address: str, proof: str | None) -> None:
        self.change_address(self.pick_session(n), address, proof)

    @signed_in
    @rule(n=which, address=addresses)
    def ask_for_new_address_and_confirm(self, n: int, address: str) -> None:
        session = self.pick_session(n)
        self.change_address(session, address, "right")
        self.read_emails()
        if session.account.has_link(CHANGE):
            self.move_account(session.account.links[CHANGE], session.person)

    def move_account(self, link: Link, person: str) -> None:
        if link.account.refusal(link) is None and self.is_taken(link.mailbox, but_by=link.account):
            assert self.ask(ROUTES[CHANGE], person, token=link.token).code == "email_taken"
        else:
            self.use(link, person, link.account.move)

    def change_address(self, session: Session, address: str, proof: str | None) -> None:
        password = session.password(proof)
        answer = self.act(session, "PUT account/email", email=address, password=password)
        assert answer.code == session.refusal(password)
        if answer.code is None:
            session.account.revoke(CHANGE)
            session.account.wanted_address = address

    @signed_in
    @rule(n=which, proof=st.sampled_from(["right", "right", "wrong"]))
    def schedule_deletion(self, n: int, proof: str) -> None:
        session = self.pick_session(n)
        answer = self.act(session, "DELETE account", password=session.password(proof))
        assert answer.code == (None if proof == "right" else "wrong_password")
        if answer.code is None:
            session.account.schedule_deletion()

    # What an administrator and time do

    @precondition(lambda self: bool(self.open_accounts()))
    @rule(n=which)
    def disable_account(self, n: int) -> None:
        account = pick(self.accounts, n)
        assert self.administer(account, "disable").code == ("account_not_found" if account.erased else None)
        account.disable()

    @precondition(lambda self: any(account.disabled for account in self.accounts))
    @rule(n=which)
    def enable_account(self, n: int) -> None:
        account = pick([account for account in self.accounts if account.disabled], n)
        assert self.administer(account, "enable").code == ("account_not_found" if account.erased else None)
        account.disabled = False

    @rule(time=times, clean_up=st.booleans())
    def advance_clock(self, time: timedelta, clean_up: bool) -> None:
        if time > LONGEST_OUTAGE:
            self.deliver_emails()
        self.service.advance(time)
        if clean_up:
            self.service.clean_up()
            for account in self.existing_accounts():
                account.clean_up()

    @rule(wait=st.booleans())
    def let_emails_wait(self, wait: bool) -> None:
        self.emails_wait = wait

    # What is promised

    @rule(n=which)
    def recover_account(self, n: int) -> None:
        if accounts := self.recoverable_accounts():
            self.recover(pick(accounts, n))

    @invariant()
    def app_and_model_agree(self) -> None:
        self.read_emails()
        self.check([session for session in self.live_before if not session.alive()])
        for link in self.working_before:
            if link.account.refusal(link) == "link_used":
                self.check_link(link)
        self.steps += 1
        self.check_access(self.sessions[self.steps % len(self.sessions)])
        self.live_before = self.live_sessions()
        self.working_before = [link for link in self.links if link.account.refusal(link) is None]
        for link in self.links[-NEWEST_LINKS:]:
            assert self.service.refusal(link) == link.account.refusal(link), link

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # else the failure of a step would be hidden by what follows from it
            self.check(self.sessions)
            for account in self.recoverable_accounts():
                self.recover(account)

    def recover(self, account: Account) -> None:
        """The owner of the mailbox gets the account back within the promised time, and nobody else is left in it."""
        note(f"--- {account.mailbox()} gets the account back")
        self.deliver_emails()
        if account.disabled:
            self.administer(account, "enable")
            account.disabled = False
        if account.can_be_undone():
            undo = account.pending_undos()[0].link
            assert undo, "no email to undo the change of address arrived"
            self.use(undo, "owner", lambda: account.undo_move(undo))
        link, password = self.reset_link(account), ONLY_THE_OWNER_KNOWS
        others = [session for session in account.sessions if session.alive()]
        self.use(link, "owner", lambda: account.reset_password(password), password=password)
        self.log_in("owner", account.address, password)
        self.check(others)
        if account.has_link(VERIFY):
            token = account.links[VERIFY].token
            assert self.ask("POST verify-email/claim", "stranger", token=token).code == "link_used"
        self.read_emails()
        for link in self.links:
            if link.account is account and link.mailbox != account.address and not link.expired():
                self.check_link(link)

    def reset_link(self, account: Account) -> Link:
        """A link that works, at the latest when the time is over for which an email may have to wait."""
        self.read_emails()
        if not account.has_link(RESET):
            self.forget_password("owner", account.address)
            self.read_emails()
        if not account.has_link(RESET):
            self.service.advance(LONGEST_WAIT)
            self.read_emails()
        assert account.has_link(RESET), "no email to reset the password arrived in time"
        return account.links[RESET]

    def check(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            self.check_access(session)
            self.check_refresh(session)

    def check_access(self, session: Session) -> None:
        """An access token shows the account of its session, and nothing when the session is over."""
        if not session.access_expired():
            answer = self.act(session, "GET account")
            assert answer.code == (None if session.alive() else "invalid_token")
            if session.alive():
                shown, account = answer.json, session.account
                assert (shown["id"], shown["email"]) == (account.id, account.address)
                assert shown["email_verified"] == account.verified

    def check_refresh(self, session: Session) -> None:
        """A refresh token is of no use when its session is over."""
        if session.ended and not session.refresh_expired():
            answer = self.ask("POST auth/refresh", session.person, refresh_token=session.refresh_tokens[-1])
            assert answer.code == "invalid_token"

    def check_link(self, link: Link) -> None:
        """A link that was used, replaced or revoked does nothing."""
        answer = self.ask(ROUTES[link.purpose], "stranger", **body_for(link.purpose, link.token))
        assert answer.code == "link_used"

    # How the rules do it

    def existing_accounts(self) -> list[Account]:
        return [account for account in self.accounts if not account.erased]

    def open_accounts(self) -> list[Account]:
        return [account for account in self.existing_accounts() if account.is_open()]

    def live_sessions(self) -> list[Session]:
        return [session for session in self.sessions if session.alive()]

    def recoverable_accounts(self) -> list[Account]:
        return [account for account in self.existing_accounts() if account.is_recoverable(LONGEST_WAIT)]

    def account_at(self, address: str) -> Account | None:
        return next((account for account in self.existing_accounts() if account.address == address), None)

    def is_taken(self, address: str, but_by: Account | None = None) -> bool:
        """Whether an account has the address, or can get it back."""
        others = [account for account in self.existing_accounts() if account is not but_by]
        return any(address in (each.address, *(undo.address for undo in each.pending_undos())) for each in others)

    def pick_link(self, purpose: str, n: int) -> Link:
        return pick([link for link in self.links if link.purpose == purpose], n)

    def open_session(self, account: Account, person: str, answer: Answer) -> None:
        session = Session(account, person)
        session.keep(answer.json)
        account.sessions.append(session)
        self.sessions.append(session)
        self.check_access(session)

    def refresh_session(self, session: Session) -> None:
        parent = session.refresh_tokens[-1]
        answer = self.ask("POST auth/refresh", session.person, refresh_token=parent)
        assert answer.json["refresh_token"] not in session.refresh_tokens
        session.keep(answer.json)
        session.parent = parent

    def pick_session(self, n: int) -> Session:
        """A live session, with an access token that has not expired."""
        if not self.live_sessions():
            account = pick(self.open_accounts(), n)
            self.log_in("owner", account.address, str(account.password))
        session = pick(self.live_sessions(), n)
        if session.access_expired():
            self.refresh_session(session)
        return session

    def act(self, session: Session, route: str, **given: str | None) -> Answer:
        return self.ask(route, session.person, session.access_token, **given)

    def administer(self, account: Account, act: str) -> Answer:
        if now() - self.admin_since > RECENT:
            self.admin_token = self.ask("POST auth/login", "admin", **ADMIN).json["access_token"]
            self.admin_since = now()
        return self.ask(f"POST admin/users/{{id}}/{act}", "admin", self.admin_token, id=account.id)

    def use(self, link: Link, person: str, effect: Callable[[], None], **more: str) -> None:
        """Use a link, which works as the model says, and never twice."""
        body, refusal = body_for(link.purpose, link.token) | more, link.account.refusal(link)
        assert self.ask(ROUTES[link.purpose], person, **body).code == refusal
        if refusal is None:
            effect()
            assert self.ask(ROUTES[link.purpose], person, **body).code == "link_used"

    def type_code(self, link: Link, address: str, person: str, effect: Callable[[], None], **more: str) -> None:
        """The same by the code of the email, which is that of one address."""
        body, account = {"email": address, "code": link.code} | more, self.account_at(address)
        works = account is not None and account.takes_code(link)
        assert self.ask(ROUTES[link.purpose], person, **body).code == (None if works else "code_invalid")
        if works:
            effect()
            assert self.ask(ROUTES[link.purpose], person, **body).code == "code_invalid"

    def deliver_emails(self) -> None:
        self.emails_wait = False
        self.read_emails()

    def read_emails(self) -> None:
        """Deliver what is due; each link is for an account of the mailbox it arrived in."""
        if self.emails_wait:
            return
        accounts = {account.id: account for account in self.accounts}
        for email in self.service.deliver():
            note(f"  email to {email.recipients[0]}: {email.subject}")
            for purpose, token, code in links_in(email):
                if account := accounts.get(account_id_in(token)):
                    link = Link(purpose, email.recipients[0], account, token, code, account.version)
                    account.receive(link)
                    self.links.append(link)


def pick(things: Sequence[Thing], n: int) -> Thing:
    """The `n`th, counted from the newest."""
    return things[-1 - n % len(things)]


def body_for(purpose: str, token: str) -> dict[str, str]:
    """The body that carries a link's token to the route of this purpose."""
    return {"reset_token": token, "password": ONLY_THE_OWNER_KNOWS} if purpose == RESET else {"token": token}
