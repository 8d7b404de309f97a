"""flask accounts: the administration API as commands, and the first administrator."""

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from tests.support.api import ANN, bearer, log_in, me, sign_up, sql
from tests.support.person import Person
from tests.support.smtp import FakeSmtpServer

COMMANDS = ["create", "list", "show", "update", "disable", "enable", "grant", "revoke", "reset", "sessions", "delete"]
ANNS = ANN["email"]


def run(app: Flask, *words: str, stdin: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=["accounts", *words], input=stdin)


def facts(app: Flask, account: str = ANNS) -> dict[str, str]:
    """The output of `show`, by name."""
    return dict(line.split(maxsplit=1) for line in run(app, "show", account).stdout.splitlines())


@pytest.mark.usefixtures("each_database")
def test_first_administrator_is_created_by_command_and_sets_a_password(
    app: Flask, auth, mailbox: FakeSmtpServer
) -> None:
    made = run(app, "create", "--role", "admin", ANNS)
    assert (made.exit_code, made.stdout) == (0, facts(app)["id"] + "\n")
    assert facts(app)["password"] == "not set"
    ann = Person(app.test_client(), auth, mailbox, ANNS)
    token = ann.link("You have an account", "reset-password")
    ann.send("reset-password", reset_token=token, password="a new horse battery")
    assert ann.sign_in("a new horse battery").status_code == 200
    assert ann.ask("GET", "admin/users").status_code == 200


@pytest.mark.settings(require_verified_email=True)
def test_without_mail_the_password_comes_from_standard_input(app: Flask, client: FlaskClient, auth, mailbox) -> None:
    made = run(app, "create", "--role", "admin", "--password-stdin", ANNS, stdin="correct horse battery\n")
    assert made.exit_code == 0
    assert "horse" not in made.output
    tokens = log_in(client).json
    assert me(client, tokens).json["email_verified"]
    assert sql(app, "SELECT kind FROM outbox WHERE kind = 'invitation'") == []


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["create", ANNS], None, "An account with this email address already exists"),
        (["create", "no address"], None, ""),
        (["create", "--role", "Not A Role", "eve@example.com"], None, "Give at most 10 roles"),
        (["create", "--password-stdin", "eve@example.com"], "short\n", "A password needs at least 8 characters"),
        (["create", "--password-stdin", "eve@example.com"], "", "A password needs at least 8 characters"),
        (["show", "nobody@example.com"], None, "Account not found."),
        (["show", "4711"], None, "Account not found."),
        (["disable", "nobody@example.com"], None, "Account not found."),
        (["grant", ANNS, "ADMIN"], None, "Give at most 10 roles"),
        (["sessions", ANNS, "--end", "4711"], None, "Session not found"),
    ],
)  # fmt: skip
def test_what_is_refused_ends_with_1_and_says_why(
    app: Flask, client: FlaskClient, words: list[str], stdin: str | None, said: str
) -> None:
    sign_up(client)
    result = run(app, *words, stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {said}")


@pytest.mark.parametrize(
    "words",
    ["create", "create --role", "list --state lost", "list --limit 0", "show", "grant ann", "set-claims ann {",
     "invite-again", "sessions ann --end x --end-all"],
)  # fmt: skip
def test_a_command_that_makes_no_sense_ends_with_2(app: Flask, words: str) -> None:
    assert run(app, *words.split()).exit_code == 2


def test_claims_are_set_from_json(app: Flask, client: FlaskClient) -> None:
    tokens = sign_up(client)
    assert run(app, "set-claims", ANNS, '{"plan": "team"}').exit_code == 0
    assert facts(app)["claims"] == '{"plan":"team"}'
    assert me(client, tokens).json["claims"] == {"plan": "team"}
    assert run(app, "set-claims", ANNS, "{}").exit_code == 0
    assert facts(app)["claims"] == "-"
    refused = run(app, "set-claims", ANNS, "[]")
    assert (refused.exit_code, refused.stderr[:22]) == (1, "Error: Give an object ")


@pytest.mark.usefixtures("each_database")
def test_invitations_are_listed_sent_again_and_revoked(app: Flask, auth, mailbox: FakeSmtpServer) -> None:
    run(app, "create", "--role", "editor", ANNS)
    run(app, "create", "bob@example.com")
    listed = run(app, "invitations").stdout.splitlines()
    assert [line.split()[4:] for line in listed] == [["bob@example.com"], [ANNS, "editor"]]
    ann = Person(app.test_client(), auth, mailbox, ANNS)
    old = ann.link("You have an account", "reset-password")
    assert run(app, "invite-again", ANNS).exit_code == 0
    assert ann.link("You have an account", "reset-password") != old
    assert run(app, "revoke-invitation", "bob@example.com").exit_code == 0
    assert run(app, "show", "bob@example.com").exit_code == 1
    token = ann.link("You have an account", "reset-password")
    ann.send("reset-password", reset_token=token, password="a new horse battery")
    assert run(app, "invitations").stdout == ""
    for command in ("invite-again", "revoke-invitation"):
        refused = run(app, command, ANNS)
        assert (refused.exit_code, refused.stderr[:34]) == (1, "Error: This account has no open in")


@pytest.mark.settings(sign_up="closed")
def test_operator_creates_accounts_while_sign_up_is_closed(app: Flask) -> None:
    assert run(app, "create", ANNS).exit_code == 0
    assert run(app, "invite-again", ANNS).exit_code == 0


@pytest.mark.settings(database_url="sqlite:////nowhere/latchkey.db")
@pytest.mark.parametrize("words", ["create a@example.com", "list", "show a@example.com", "disable 7", "delete 7 --yes"])
def test_without_a_database_a_command_ends_with_75(app: Flask, words: str) -> None:
    result = run(app, *words.split())
    assert (result.exit_code, result.stdout) == (75, "")


@pytest.mark.usefixtures("each_database")
def test_an_account_is_disabled_and_enabled(app: Flask, client: FlaskClient) -> None:
    tokens = sign_up(client)
    assert run(app, "disable", ANNS).exit_code == 0
    assert facts(app)["state"] == "disabled"
    assert (me(client, tokens).status_code, log_in(client).status_code) == (401, 401)
    assert run(app, "enable", facts(app)["id"]).exit_code == 0
    assert log_in(client).status_code == 200


@pytest.mark.usefixtures("each_database")
def test_roles_are_granted_and_revoked_one_by_one(app: Flask, client: FlaskClient) -> None:
    sign_up(client)
    for role in ("writer", "admin", "writer"):
        assert run(app, "grant", ANNS, role).exit_code == 0
    assert facts(app)["roles"] == "admin writer"
    assert run(app, "revoke", ANNS, "writer").exit_code == 0
    assert facts(app)["roles"] == "admin"


@pytest.mark.parametrize("words", [["disable"], ["delete", "--yes"], ["revoke", "admin"]])
def test_the_last_administrator_stays(app: Flask, client: FlaskClient, words: list[str]) -> None:
    sign_up(client)
    run(app, "grant", ANNS, "admin")
    result = run(app, words[0], ANNS, *words[1:])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: This is the last administrator who can sign in.")
    assert (facts(app)["state"], facts(app)["roles"]) == ("active", "admin")


def test_sessions_are_listed_and_ended(app: Flask, client: FlaskClient) -> None:
    tokens = [sign_up(client), log_in(client).json, log_in(client).json]
    listed = run(app, "sessions", ANNS).stdout.splitlines()
    assert len(listed) == 3
    assert run(app, "sessions", ANNS, "--end", listed[0].split()[0]).exit_code == 0
    assert len(run(app, "sessions", ANNS).stdout.splitlines()) == 2
    assert run(app, "sessions", ANNS, "--end-all").exit_code == 0
    assert {me(client, pair).status_code for pair in tokens} == {401}


def test_reset_command_sends_an_email_and_prints_no_link(app: Flask, client: FlaskClient) -> None:
    sign_up(client)
    assert run(app, "reset", ANNS).stdout == f"{ANNS}  an email is queued\n"
    assert sql(app, "SELECT count(*) FROM outbox WHERE kind = 'reset_password'") == [(1,)]


def test_an_account_is_corrected_by_command(app: Flask, client: FlaskClient) -> None:
    sign_up(client)
    done = run(app, "update", ANNS, "--email", "anna@example.com", "--verified", "--first-name", "Anna")
    assert (done.exit_code, done.stdout.split()[1:]) == (0, ["anna@example.com", "verified"])
    assert facts(app, "anna@example.com")["first-name"] == "Anna"
    assert run(app, "update", "anna@example.com", "--first-name", "", "--unverified").exit_code == 0
    corrected = facts(app, "anna@example.com")
    assert (corrected["first-name"], corrected["verified"]) == ("-", "-")


@pytest.mark.parametrize(
    "words", [[], ["--first-name", "x" * 101], ["--last-name", "a\nb"], ["--locale", "not a tag"], ["--locale", "en\n"]]
)
def test_invalid_correction_is_wrong_usage(app: Flask, client: FlaskClient, words: list[str]) -> None:
    sign_up(client)
    assert run(app, "update", ANNS, *words).exit_code == 2


def test_deleting_asks_first(app: Flask, client: FlaskClient) -> None:
    sign_up(client)
    assert run(app, "delete", ANNS, stdin="n\n").exit_code == 1
    assert facts(app)["state"] == "active"
    assert run(app, "delete", ANNS, "--yes").exit_code == 0
    assert facts(app)["state"] == "deleting"


def test_the_list_is_searched_literally(app: Flask, client: FlaskClient) -> None:
    sign_up(client)
    sign_up(client, email="bob@example.com")
    addresses = [line.split()[-1] for line in run(app, "list").stdout.splitlines()]
    assert addresses == ["bob@example.com", ANNS]
    assert run(app, "list", "--search", "%").stdout == ""
    assert run(app, "list", "--search", "ANN@").stdout.count("\n") == 1
    assert run(app, "list", "--state", "disabled").stdout == ""


def test_each_change_is_journalled_as_the_operators(app: Flask, client: FlaskClient) -> None:
    tokens = sign_up(client)
    account_id = me(client, tokens).json["id"]
    run(app, "grant", ANNS, "editor")
    run(app, "sessions", ANNS, "--end-all")
    run(app, "disable", ANNS)
    run(app, "enable", ANNS)
    run(app, "reset", ANNS)
    run(app, "delete", ANNS, "--yes")
    run(app, "create", "eve@example.com")
    events = sql(app, "SELECT event, account_id FROM audit_events WHERE actor_id = 'operator' ORDER BY id")
    assert [tag for tag, _ in events] == [
        "account.roles_changed", "session.ended", "account.disabled", "account.enabled", "password.reset_started",
        "account.deletion_scheduled", "account.invited",
    ]  # fmt: skip
    assert {about for _, about in events[:-1]} == {account_id}


def test_a_hash_is_shown_by_no_command(app: Flask, client: FlaskClient) -> None:
    tokens = sign_up(client)
    shown = [run(app, *words).output for words in (["list"], ["show", ANNS], ["sessions", ANNS])]
    assert "bcrypt" not in "".join(shown)
    assert client.get("/api/v1/account", headers=bearer(tokens["access_token"])).status_code == 200


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(app: Flask, command: str) -> None:
    assert len(run(app, command, "--help").output) > 150
    assert command in run(app, "--help").output
