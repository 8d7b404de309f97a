"""An SMTP server that exits: `after 1`, when it has accepted the first message, or `at 2`, during the second one."""

import os
import sys
import threading
from typing import Any

from tests.support.smtp import FakeSmtpServer

when, number = sys.argv[1].split()


class Mortal(FakeSmtpServer):
    """Keeps nothing, and ends its process at once."""

    count = 0

    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        self.count += 1
        if when == "at" and self.count == int(number):
            os._exit(1)
        return await super().handle_DATA(*given)

    async def handle_NOOP(self, *_: Any) -> str:  # noqa: N802
        """The client sends this before its next message."""
        if when == "after" and self.count == int(number):
            os._exit(1)
        return "250 OK"


with Mortal().open() as server:
    print(server.port, flush=True)
    threading.Event().wait()
