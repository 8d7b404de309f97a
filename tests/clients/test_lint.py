"""The OpenAPI document follows the recommended rules of redocly and spectral, without a warning."""

import subprocess
from pathlib import Path
from typing import Any

from tests.clients import install
from tests.support.profile import only_long

LINT = install.NODE / "lint"


@only_long
def test_document_has_no_warning_of_redocly_or_spectral(client: Any, tmp_path: Path) -> None:
    programs = install.installed_node_packages(LINT) / "node_modules" / ".bin"
    (tmp_path / "openapi.json").write_bytes(client.get("/openapi.json").data)
    for command in (
        ("redocly", "lint", "openapi.json", "--config", LINT / "redocly.yaml", "--max-problems", "1000"),
        ("spectral", "lint", "openapi.json", "--ruleset", LINT / "spectral.yaml", "--fail-severity", "hint"),
    ):
        done = subprocess.run(
            [programs / command[0], *command[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        assert "warning" not in told.lower().replace("deprecation warning", ""), told
