"""A real SMTP server that keeps what it receives, and misbehaves where a test tells it to."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message as the server received it."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())

    @property
    def link(self) -> str:
        """The first URL in the text that carries a token."""
        return next(word for word in self.text.split() if word.startswith("http") and "token=" in word)

    @property
    def token(self) -> str:
        """The token in that URL."""
        return self.link.partition("token=")[2]


class FakeSmtpServer:
    """Listens on `port`, or on any free one, while it is started or within `with server.open():`.

    `refused[address]` is the answer to RCPT for an address; `at_data[address]` answers DATA for an address, or for
    every one if the address is "*". `at_ehlo` and `at_mail_from` are the answers to these commands, if not empty.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.port, self.tls = port, tls
        self.refused: dict[str, str] = {}
        self.at_data: dict[str, Callable[[SMTP], Awaitable[str]]] = {}
        self.at_ehlo = self.at_mail_from = ""
        self.messages: list[ReceivedMessage] = []
        self.connections = 0
        self.helo_name = ""
        self._arrived = threading.Condition()

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        self.helo_name = hostname
        if self.at_ehlo:
            return [self.at_ehlo]
        session.host_name = hostname
        return responses

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:  # noqa: N802
        return self.at_ehlo or "250 OK"

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_mail_from:
            return self.at_mail_from
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.at_data.get(envelope.rcpt_tos[0]) or self.at_data.get("*")
        if behaviour is not None:
            return await behaviour(server)
        message = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[arg-type]
        with self._arrived:
            self.messages.append(ReceivedMessage(str(envelope.mail_from), list(envelope.rcpt_tos), message))
            self._arrived.notify_all()
        return "250 OK"

    def wait_for(self, count: int = 1, seconds: float = 10) -> list[ReceivedMessage]:
        """The messages, as soon as there are at least `count`."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.messages) >= count, seconds)
        assert arrived, f"{len(self.messages)} of {count} messages arrived within {seconds} s"
        return self.messages

    def clear(self) -> None:
        """Forget what was received, and behave well again."""
        self.messages.clear()
        self.refused.clear()
        self.at_data.clear()
        self.at_ehlo = self.at_mail_from = ""

    def start(self) -> None:
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, tls_context=self.tls)
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        self._controller.close_connections()
        self._controller.stop()

    @contextmanager
    def open(self) -> Iterator["FakeSmtpServer"]:
        """Listen until the block is left. The port stays the same if it is opened again."""
        self.start()
        try:
            yield self
        finally:
            self.stop()


class _Controller(Controller):
    """Can listen on any free port, and ends its connections when it stops."""

    def __init__(self, *given: object, **named: object) -> None:
        self._protocols: list[SMTP] = []
        super().__init__(*given, **named)  # type: ignore[arg-type]

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # aiosmtpd would connect to port 0
        super()._trigger_server()

    def factory(self) -> SMTP:
        self._protocols.append(protocol := super().factory())
        return protocol

    def close_connections(self) -> None:
        """A TCP probe may have left before the server noticed it: its transport would raise a ResourceWarning."""
        for protocol in self._protocols:
            if protocol.transport is not None:
                self.loop.call_soon_threadsafe(protocol.transport.abort)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001), self.loop).result(5)


def answer(words: str) -> Callable[[SMTP], Awaitable[str]]:
    """At DATA, answer this."""

    async def say(_server: SMTP) -> str:
        return words

    return say


async def hang(_server: SMTP) -> str:
    """At DATA, answer nothing for longer than any client waits."""
    await asyncio.sleep(60)
    return "250 OK"


async def drop(server: SMTP) -> str:
    """At DATA, when the message has arrived, close the connection."""
    assert server.transport is not None
    server.transport.close()
    await asyncio.sleep(0.05)
    return "250 OK"
