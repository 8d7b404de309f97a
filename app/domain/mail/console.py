"""The mail console of development: an SMTP server that prints each email and shows it on a page."""

import email
import email.policy
import errno
import itertools
import socket
import sys
import threading
from asyncio import AbstractServer
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.core.clock import Clock

MAX_MESSAGES = 100
MAX_SIZE = 256 * 1024
GREETING_SECONDS = 2


@dataclass(frozen=True, slots=True)
class CaughtMessage:
    """An email that the console received."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    received_at: datetime


class MailConsole:
    """An SMTP server that prints each email and keeps the newest `MAX_MESSAGES` in memory."""

    def __init__(self, host: str = "127.0.0.1", port: int = 1025, clock: Clock | None = None) -> None:
        self.host, self.port = host, port
        self._clock = clock or Clock()
        self._numbers = itertools.count(1)
        self._messages: deque[CaughtMessage] = deque(maxlen=MAX_MESSAGES)
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    @property
    def is_running(self) -> bool:
        """Whether this console is listening."""
        return self._controller is not None

    def start(self) -> bool:
        """Start listening. Returns False if another mail server uses the port.

        Port 0 picks a free one. Raises `OSError` if the port cannot be used.
        """
        try:
            bound = _bind(self.host, self.port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and _greets(self.host, self.port):
                return False
            raise
        self.port = bound.getsockname()[1]
        self._controller = _BoundController(self, bound)
        self._controller.start()
        return True

    def stop(self) -> None:
        """Stop listening. Received emails are kept."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def messages(self) -> list[CaughtMessage]:
        """The received emails, newest first."""
        with self._lock:
            return list(reversed(self._messages))

    def message(self, message_id: str) -> CaughtMessage | None:
        """One received email; None if there is none with this id any more."""
        return next((message for message in self.messages() if message.id == message_id), None)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Accept an email."""
        message = self._read(envelope)
        with self._lock:
            self._messages.append(message)
        _print(f"\n--- Email to {message.to}: {message.subject}\n\n{message.text.strip()}\n---")
        return "250 OK"

    def _read(self, envelope: Envelope) -> CaughtMessage:
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        return CaughtMessage(
            id=str(next(self._numbers)),
            to=", ".join(envelope.rcpt_tos),
            subject=str(message["Subject"] or ""),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            received_at=self._clock.now(),
        )


class _BoundController(Controller):
    """A controller on a socket that is already bound, so that a taken port is noticed without a race."""

    def __init__(self, console: MailConsole, bound: socket.socket) -> None:
        host, port = bound.getsockname()[:2]
        super().__init__(console, hostname=host, port=port, data_size_limit=MAX_SIZE)
        self._bound = bound

    def _create_server(self) -> Awaitable[AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._bound)


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # where it would let two servers share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


def _greets(host: str, port: int) -> bool:
    """Whether a mail server is listening there: its greeting begins with 220 (RFC 5321, section 4.2)."""
    try:
        with socket.create_connection((host, port), GREETING_SECONDS) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        # Lines of an email end in CRLF, and the CR must not be copied along with a token.
        return "\n".join(str(part.get_content()).splitlines())
    except (LookupError, ValueError):  # an unknown charset or encoding
        return str(part.get_payload())


def _print(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with suppress(OSError, ValueError):  # a closed terminal must not lose the email
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
