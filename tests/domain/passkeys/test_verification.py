"""The library behind passkeys is loaded at the first use, because each process would pay for it."""

import subprocess
import sys

from config import ROOT

START = """
import sys, tempfile
from pathlib import Path
from app import create_app, migrate
from config import load
folder = Path(tempfile.mkdtemp())
app = create_app(load({}, app_env="testing", instance_path=folder, bcrypt_rounds=4))
migrate(app)
client = app.test_client()
assert client.post("/api/v1/auth/passkey/options").status_code == 200
assert client.post("/api/v1/auth/passkey", json={"credential": {"id": "AA", "rawId": "AA", "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}}}).status_code == 400
print(*sorted({"webauthn", "cbor2", "OpenSSL"} & sys.modules.keys()))
"""


def test_library_is_not_loaded_for_options_and_junk():
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr
