"""TLS parameters of a DATABASE_URL, for libpq and for PyMySQL.

Providers write them as libpq, as MySQL's own programs, or as the clients of other languages do. A weaker connection
than the one asked for is never made: an unknown value raises `ValueError`.
"""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY = range(5)
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
MODES: Final = {
    "disable": DISABLED, "disabled": DISABLED, "allow": PREFERRED, "prefer": PREFERRED, "preferred": PREFERRED,
    "require": REQUIRED, "required": REQUIRED, "noverify": REQUIRED, "skipverify": REQUIRED,
    "acceptinvalidcerts": REQUIRED, "verifyca": VERIFY_CA, "verifyfull": VERIFY_IDENTITY,
    "verifyidentity": VERIFY_IDENTITY, "strict": VERIFY_IDENTITY,
}  # fmt: skip
LIBPQ_MODES: Final = ("disable", "prefer", "require", "verify-ca", "verify-full")
MYSQL_FILES: Final = {
    "sslca": "ssl_ca", "sslrootcert": "ssl_ca", "sslcapath": "ssl_capath", "sslcert": "ssl_cert", "sslkey": "ssl_key",
    "sslcipher": "ssl_cipher",
}  # fmt: skip
# What true and false mean where a parameter is a switch. Go's driver verifies the server with tls=true.
SWITCHES: Final = {
    "ssl": (REQUIRED, DISABLED),
    "usessl": (REQUIRED, DISABLED),
    "requiressl": (REQUIRED, PREFERRED),
    "sslverifycert": (VERIFY_CA, PREFERRED),
    "sslverifyidentity": (VERIFY_IDENTITY, PREFERRED),
    "verifyservercertificate": (VERIFY_CA, PREFERRED),
    "sslcheckhostname": (VERIFY_IDENTITY, REQUIRED),
    "ssldisabled": (DISABLED, PREFERRED),
    "tls": (VERIFY_IDENTITY, DISABLED),
}
BUNDLES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def postgresql_tls(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters for libpq. `given` has plain names: lower case, without hyphens and underscores."""
    modes = [_mode(name, value) for name, value in given.items() if name != "sslrootcert"]
    ca = given.get("sslrootcert")
    if ca == "system" or (ca is None and given.get("sslaccept") == "strict"):
        # libpq's own `system` looks where its OpenSSL was built, which in a wheel is another machine.
        ca, modes = system_ca(), [*modes, VERIFY_IDENTITY]
    result = {"sslrootcert": ca} if ca else {}
    return result | ({"sslmode": LIBPQ_MODES[_strongest(modes)]} if modes else {})


def mysql_tls(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters for PyMySQL, as SQLAlchemy passes them on."""
    files = {MYSQL_FILES[name]: value for name, value in given.items() if name in MYSQL_FILES}
    modes = [_mode(name, value) for name, value in given.items() if name not in MYSQL_FILES]
    mode = _strongest(modes or [PREFERRED])
    if mode == DISABLED:
        return {"ssl_disabled": "true"}
    has_ca = bool(files.keys() & {"ssl_ca", "ssl_capath"})
    if mode == PREFERRED:
        return files
    if mode == REQUIRED:
        # With a CA, MySQL's own programs do not verify in this mode. PyMySQL does, and so does this service.
        return files | {"ssl_check_hostname": "false"}
    return ({} if has_ca else {"ssl_ca": system_ca()}) | files | {"ssl_check_hostname": str(mode == VERIFY_IDENTITY)}


def _strongest(modes: list[int]) -> int:
    if DISABLED in modes and max(modes) >= REQUIRED:
        raise ValueError("DATABASE_URL: one parameter turns TLS off and another one on. Remove one of them")
    return DISABLED if DISABLED in modes else max(modes)


def system_ca() -> str:
    """The file with the certificates that this machine trusts. Raises `ValueError` if there is none."""
    paths = (ssl.get_default_verify_paths().cafile, *BUNDLES)
    found = next((path for path in paths if path and Path(path).is_file()), None)
    if found is None:
        raise ValueError("DATABASE_URL: this machine has no file with CA certificates. Name one: ssl_ca=/path/ca.pem")
    return found


def _mode(name: str, value: str) -> int:
    plain = value.lower().replace("-", "").replace("_", "")
    if name in SWITCHES and plain in (*TRUE, *FALSE):
        return SWITCHES[name][plain in FALSE]
    if plain in MODES:
        return MODES[plain]
    try:  # as in the URLs for Node: ssl={"rejectUnauthorized":true}
        verifies = json.loads(value)["rejectUnauthorized"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"DATABASE_URL: unknown value of {name}. See TLS in docs/configuration.md") from None
    return VERIFY_IDENTITY if verifies else REQUIRED
