"""Finds the service, wherever a script runs, and makes the app that the modules beside this one work on.

This folder is not a package: its modules have the names of the exercises, and a learner puts it on the path.
"""

import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # before the folder of the script, in which there may be an `app.py`

import app  # noqa: E402 - only now can it be found

if Path(app.__file__ or "").parent != ROOT / "app":
    raise ImportError("your module `app` has the name of the service's package: run it as a script, or rename it")

from app.web.compat.service import use  # noqa: E402
from config import load  # noqa: E402

_folder = tempfile.TemporaryDirectory(prefix="latchkey-")  # gone with the process


@cache
def service() -> Flask:
    """The app on the database of the service."""
    return _made()


@cache
def service_on_new_database() -> Flask:
    """The same; on a database that is new for each process, unless DATABASE_URL names one."""
    named = "database_url" in load(compat_api=True).model_fields_set
    return service() if named else _made(instance_path=Path(_folder.name))


def _made(**settings: Any) -> Flask:
    made = app.create_app(load(compat_api=True, **settings))  # which production refuses
    app.migrate(made)
    use(made)
    return made
