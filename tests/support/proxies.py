"""Real proxies with TLS in front of a service, by the very configuration that docs/operations.md shows."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config import ROOT
from tests.support.servers import NotHere, is_root, listens

# What a distribution's own main file would say around the example.
AROUND_NGINX = """daemon off; {user} pid {folder}/nginx.pid; error_log stderr; events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {example}
}}
"""
BEFORE_CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"


@contextmanager
def proxy(kind: str, folder: Path, *, port: int, upstream: int) -> Iterator[Path]:
    """nginx or Caddy on https://localhost:`port`; gives its certificate. `NotHere` where it is not installed."""
    program = shutil.which(kind, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise NotHere(f"{kind}; install it")
    certificate, key = make_certificate(folder)
    example = _example(kind).replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    file = folder / kind
    if kind == "nginx":
        example = example.replace("listen 443", f"listen 127.0.0.1:{port}").replace("example.com;", "localhost;")
        example = example.replace("/etc/ssl/example.com.pem", str(certificate))
        example = example.replace("/etc/ssl/example.com.key", str(key))
        user = "user root;" if is_root() else ""
        file.write_text(AROUND_NGINX.format(user=user, folder=folder, example=example))
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(file)]
    else:
        site = f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n"
        file.write_text(BEFORE_CADDY + example.replace("example.com {\n", site, 1))
        command = [program, "run", "--adapter", "caddyfile", "--config", str(file)]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / f"{kind}.log").open("w+") as log:
        process = subprocess.Popen(command, env=os.environ | home, stdout=log, stderr=log)
        try:
            while not listens(port):
                assert process.poll() is None, (folder / f"{kind}.log").read_text()
                time.sleep(0.02)
            yield certificate
        finally:
            process.terminate()
            process.wait()


def _example(kind: str) -> str:
    text = (ROOT / "docs" / "operations.md").read_text()
    return text.partition(f"```{kind}\n")[2].partition("```")[0]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody trusts who is not told to, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
