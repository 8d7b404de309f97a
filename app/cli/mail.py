"""flask mail: list, show, retry, deliver."""

import signal
import threading
from datetime import datetime

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.exits import refusals_as_exits
from app.current import auth

mail = AppGroup("mail", help="The letters we owe. No command shows what a letter says, or a whole address.")


@mail.command("list")
@click.option("--state", type=click.Choice(["queued", "sent", "dead", "dropped"]), help="Only letters in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
def list_letters(state: str | None, limit: int) -> None:
    """The newest letters, one a line: id, kind, state, attempts, when it was queued, for whom, and what went wrong.

    How many there are in all is said on standard error.
    """
    with refusals_as_exits():
        for letter in auth.mail_queue.recent(state, limit):
            line = (
                f"{letter.id:>8}  {letter.kind:<22}  {letter.state:<7}  {letter.attempts:>3}x  "
                f"{_moment(letter.created_at)}  {letter.address or letter.account_id or '-'}  {letter.error or ''}"
            )
            click.echo(line.rstrip())
        waiting = auth.mail_queue.waiting()
        oldest = f", the oldest for {int(waiting.oldest.total_seconds())} s" if waiting.oldest else ""
        totals = f"{waiting.queued} queued{oldest}; {waiting.sent} sent, {waiting.dead} dead, {waiting.dropped} dropped"
        click.echo(totals, err=True)


@mail.command("show")
@click.argument("letter_id", metavar="ID", type=int)
def show_letter(letter_id: int) -> None:
    """What became of letter ID. Exits with 1 if there is none."""
    with refusals_as_exits():
        letter = auth.mail_queue.show(letter_id)
        facts = {
            "id": letter.id,
            "kind": letter.kind,
            "state": letter.state,
            "attempts": letter.attempts,
            "error": letter.error,
            "queued": _moment(letter.created_at),
            "due": _moment(letter.due_at) if letter.state == "queued" else None,
            "finished": _moment(letter.finished_at),
            "account": letter.account_id,
            "address": letter.address,
            "message-id": letter.message_id,
        }
        for name, value in facts.items():
            click.echo(f"{name:<11} {'-' if value is None else value}")


@mail.command("retry")
@click.argument("letter_id", metavar="[ID]", type=int, required=False)
@click.option("--all-dead", is_flag=True, help="Every letter that was given up.")
def retry_letters(letter_id: int | None, all_dead: bool) -> None:
    """Try letter ID again now, or with --all-dead every letter that was given up.

    A letter can be tried again if it is dead or waits for a later attempt; else the command exits with 1.
    """
    if (letter_id is None) != all_dead:
        raise click.UsageError("Name one letter, or say --all-dead.")
    with refusals_as_exits():
        if letter_id is None:
            click.echo(f"{auth.mail_queue.retry_dead()} due now")
        else:
            auth.mail_queue.retry(letter_id)
            click.echo(f"{letter_id}  due now")


@mail.command("deliver")
def deliver() -> None:
    """Deliver letters until told to stop. Several of these may run beside one another."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    auth.mail_delivery.run(stop, context=current_app.app_context)


def _moment(when: datetime | None) -> str | None:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else None
