"""The JavaScript client in Node, as the server of an app uses it."""

import shutil
import subprocess
from typing import Any

import pytest

from tests.clients.install import NODE
from tests.conftest import lacking
from tests.support.api import ANN, sign_up


@pytest.mark.settings(redirect_urls=["http://localhost:3000/auth/callback"])
def test_server_signs_a_person_in_by_the_hosted_page(live_server: str, client: Any) -> None:
    if not shutil.which("node"):
        lacking("node; install Node 20 or newer")
    sign_up(client)
    command = ["node", NODE / "client.mjs", live_server, ANN["email"], ANN["password"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("ok\n", 0), done.stderr
