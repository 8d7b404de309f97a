"""flask mail: list, show, retry, deliver."""

import signal
import threading
from datetime import datetime

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.exits import errors_as_exits
from app.current import auth

mail = AppGroup("mail", help="The outbox. No command shows the text of an email or a complete email address.")


@mail.command("list")
@click.option("--state", type=click.Choice(["queued", "sent", "dead", "dropped"]), help="Only emails in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
def list_messages(state: str | None, limit: int) -> None:
    """List the newest emails: id, kind, state, attempts, time, recipient, and the last error.

    The totals are printed on standard error.
    """
    with errors_as_exits():
        for message in auth.mail_queue.recent(state, limit):
            line = (
                f"{message.id:>8}  {message.kind:<22}  {message.state:<7}  {message.attempts:>3}x  "
                f"{_moment(message.created_at)}  {message.address or message.account_id or '-'}  {message.error or ''}"
            )
            click.echo(line.rstrip())
        waiting = auth.mail_queue.summary()
        oldest = f", the oldest for {int(waiting.oldest.total_seconds())} s" if waiting.oldest else ""
        totals = f"{waiting.queued} queued{oldest}; {waiting.sent} sent, {waiting.dead} dead, {waiting.dropped} dropped"
        click.echo(totals, err=True)


@mail.command("show")
@click.argument("message_id", metavar="ID", type=int)
def show_message(message_id: int) -> None:
    """Show the state of email ID. Exits with 1 if there is none."""
    with errors_as_exits():
        message = auth.mail_queue.show(message_id)
        facts = {
            "id": message.id,
            "kind": message.kind,
            "state": message.state,
            "attempts": message.attempts,
            "error": message.error,
            "queued": _moment(message.created_at),
            "due": _moment(message.due_at) if message.state == "queued" else None,
            "finished": _moment(message.finished_at),
            "account": message.account_id,
            "address": message.address,
            "message-id": message.message_id,
        }
        for name, value in facts.items():
            click.echo(f"{name:<11} {'-' if value is None else value}")


@mail.command("retry")
@click.argument("message_id", metavar="[ID]", type=int, required=False)
@click.option("--all-dead", is_flag=True, help="All emails whose delivery was given up.")
def retry_messages(message_id: int | None, all_dead: bool) -> None:
    """Send email ID again now, or with --all-dead all emails whose delivery was given up.

    Exits with 1 unless the email is dead or queued for a later attempt.
    """
    if (message_id is None) != all_dead:
        raise click.UsageError("Give the ID of one email, or --all-dead.")
    with errors_as_exits():
        if message_id is None:
            click.echo(f"{auth.mail_queue.retry_dead()} due now")
        else:
            auth.mail_queue.retry(message_id)
            click.echo(f"{message_id}  due now")


@mail.command("deliver")
def deliver() -> None:
    """Deliver emails until SIGINT or SIGTERM. Several may run at once."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    auth.mail_delivery.run(stop, context=current_app.app_context)


def _moment(when: datetime | None) -> str | None:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else None
