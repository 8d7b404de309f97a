"""PgBouncer in transaction mode in front of a PostgreSQL database."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.support.ports import unused_port
from tests.support.servers import NotHere, is_root, listens

CONFIGURATION = """[databases]
* = {target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
"""


@contextmanager
def transaction_pooler(url: str, *, connections: int = 3) -> Iterator[str]:
    """The URL of the database `url` behind a pooler that shares a few connections. `NotHere` if it is not installed."""
    program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise NotHere("pgbouncer; install it")
    server, port = sa.make_url(url), unused_port()
    host, user = server.query.get("host") or server.host, server.username or "postgres"
    target = f"host={host} port={server.port or 5432} user={user}"
    if server.password:
        target += f" password='{server.password}'"
    with tempfile.TemporaryDirectory(prefix="latchkey-") as folder:
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(target=target, port=port, connections=connections))
        changed = {"user": "nobody", "group": 65_534, "extra_groups": []} if is_root() else {}  # it refuses to be root
        if is_root():
            shutil.chown(folder, "nobody")
        process = subprocess.Popen([program, "-q", str(file)], stderr=subprocess.DEVNULL, cwd=os.sep, **changed)
        try:
            while not listens(port):
                assert process.poll() is None, f"pgbouncer ended with status {process.returncode}"
                time.sleep(0.02)
            yield server.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        finally:
            process.terminate()
            process.wait()
