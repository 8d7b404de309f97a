"""Installs the generators of clients, once for each list of them, into a folder that git ignores."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import lacking
from tests.support.servers import ROOT

KEPT = ROOT / ".generators"
NODE = ROOT / "tests" / "node"
VENV = (sys.executable, "-m", "venv", ".")
PIP = ("bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-r")
NPM = ("npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
SECONDS = 600


def from_pip() -> Path:
    """A virtual environment with the packages in requirements.txt."""
    wanted = Path(__file__).with_name("requirements.txt")
    return installed(wanted, VENV, (*PIP, str(wanted)))


def from_npm() -> Path:
    """The folder of the packages in tests/node."""
    return installed_node_packages(NODE)


def installed_node_packages(folder: Path) -> Path:
    """The folder in which the packages are installed that the lock file in `folder` names."""
    if not shutil.which("npm"):
        lacking("npm; install Node 20 or newer")
    return installed(folder / "package-lock.json", NPM)


def installed(wanted: Path, *commands: tuple[str, ...]) -> Path:
    """The folder in which the commands have installed what the file `wanted` names."""
    folder = KEPT / f"{wanted.stem}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "complete").exists():
            for source in wanted.parent.glob("package*.json"):
                shutil.copy(source, folder)
            for command in commands:
                run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
                if run.returncode:
                    lacking(f"what {wanted.relative_to(ROOT)} names: {run.stderr[-500:]}")
            (folder / "complete").touch()
    return folder
