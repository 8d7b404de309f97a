"""The types of the JavaScript client: strict, and those that the package has."""

import shutil
import subprocess
from pathlib import Path

from tests.clients import install
from tests.support.profile import in_ci
from tests.support.servers import ROOT

CLIENT = ROOT / "clients" / "js"
MODULES = ("latchkey", "react")


@in_ci
def test_declarations_are_what_the_compiler_makes_of_the_source(tmp_path: Path) -> None:
    packages = install.installed_node_packages(install.NODE / "web") / "node_modules"
    (tmp_path / "node_modules").symlink_to(packages)
    for name in ("tsconfig.json", *(f"{module}.js" for module in MODULES)):
        shutil.copy(CLIENT / name, tmp_path)
    done = subprocess.run(
        [packages / ".bin" / "tsc", "-p", "."], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
    for module in MODULES:
        assert (tmp_path / "types" / f"{module}.d.ts").read_text() == (CLIENT / f"{module}.d.ts").read_text()
