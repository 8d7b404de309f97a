"""Finds the service from any script, and creates the app that the modules in this folder use.

This folder is not a package: its modules have the names of the exercises, and learners add it to PYTHONPATH.
"""

import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # before the folder of the script, which may contain an `app.py`

import app  # noqa: E402 - needs the path above

if Path(app.__file__ or "").parent != ROOT / "app":
    raise ImportError("your module `app` hides the package `app` of Latchkey: run it as a script, or rename it")

from app.web.compat.service import use  # noqa: E402
from config import load  # noqa: E402

_folder = tempfile.TemporaryDirectory(prefix="latchkey-")  # deleted when the process ends


@cache
def service() -> Flask:
    """The app with the database of the service."""
    return _create()


@cache
def service_on_new_database() -> Flask:
    """The app with a new database for each process, unless DATABASE_URL is set."""
    has_database = "database_url" in load(compat_api=True).model_fields_set
    return service() if has_database else _create(instance_path=Path(_folder.name))


def _create(**settings: Any) -> Flask:
    created = app.create_app(load(compat_api=True, **settings))  # not possible in production
    app.migrate(created)
    use(created)
    return created
