"""The variables of identity providers: `PROVIDERS`, and `PROVIDER_<ID>_<NAME>` for each id in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.core.provider_settings import ANY_TENANT, EmailTrust, Kind, ProviderSettings, is_endpoint
from app.core.secret_files import read_secret_files

ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_ID: Final = 32
MAX_ISSUER: Final = 255
DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID_TOKEN_VARIABLES: Final = ("AUDIENCES", "NONCE")
SECRETS: Final = ("CLIENT_SECRET", "PRIVATE_KEY")


@dataclass(frozen=True, slots=True)
class _Preset:
    name: str
    issuer: str
    scopes: tuple[str, ...]
    trusts_email: EmailTrust
    variables: tuple[str, ...]


OPENID: Final = ("openid", "email", "profile")
PRESETS: Final[Mapping[Kind, _Preset]] = {
    "google": _Preset(
        "Google", "https://accounts.google.com", OPENID, EmailTrust("google"), ("CLIENT_SECRET", *ID_TOKEN_VARIABLES)
    ),
    "apple": _Preset(
        "Apple",
        "https://appleid.apple.com",
        ("name", "email"),
        EmailTrust("verified"),
        ("TEAM_ID", "KEY_ID", "PRIVATE_KEY", *ID_TOKEN_VARIABLES),
    ),
    "microsoft": _Preset(
        "Microsoft",
        f"https://login.microsoftonline.com/{ANY_TENANT}/v2.0",
        OPENID,
        EmailTrust("never"),
        ("CLIENT_SECRET", "TENANTS", *ID_TOKEN_VARIABLES),
    ),
    "github": _Preset(
        "GitHub", "https://github.com", ("read:user", "user:email"), EmailTrust("verified"), ("CLIENT_SECRET",)
    ),
    "openid": _Preset("", "", OPENID, EmailTrust("never"), ("CLIENT_SECRET", *ID_TOKEN_VARIABLES)),
}
OF_EVERY_KIND: Final = ("ISSUER", "CLIENT_ID", "NAME", "SCOPES", "TRUSTS_EMAIL")


def read_providers(environ: Mapping[str, str]) -> list[ProviderSettings]:
    """The providers that `PROVIDERS` names. Raises `ValueError` with one line for each wrong variable."""
    ids = words(environ.get("PROVIDERS", ""))
    wrong = [
        f"PROVIDERS: {id_!r} must be lower-case letters, digits and single hyphens" for id_ in ids if not _is_id(id_)
    ]
    if len(set(ids)) < len(ids):
        wrong.append("PROVIDERS names a provider twice")
    if wrong:
        raise ValueError("\n".join(wrong))
    names = [name for id_ in ids for name in _names(id_)]
    files = [f"{name}_FILE" for name in names if name.endswith(SECRETS)]
    unknown = [name for name in environ if name.startswith("PROVIDER_") and name not in (*names, *files)]
    wrong = [f"{name}: no such setting of a provider in PROVIDERS" for name in sorted(unknown)]
    try:
        environ = read_secret_files(environ, [name.removesuffix("_FILE") for name in files])
    except ValueError as unreadable:
        wrong.append(str(unreadable))
    found = []
    for id_ in ids:
        reader = _Reader(id_, environ)
        found.append(reader.read())
        wrong += reader.wrong
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def words(text: str) -> list[str]:
    """The parts of a list that is separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def prefix_of(provider_id: str) -> str:
    """What the names of the provider's settings begin with."""
    return f"PROVIDER_{provider_id.upper().replace('-', '_')}_"


def _is_id(text: str) -> bool:
    return bool(ID.fullmatch(text)) and len(text) <= MAX_ID


def _kind(provider_id: str) -> Kind:
    return next((kind for kind in PRESETS if kind == provider_id), "openid")


def _names(provider_id: str) -> Iterator[str]:
    yield from (prefix_of(provider_id) + name for name in (*OF_EVERY_KIND, *PRESETS[_kind(provider_id)].variables))


class _Reader:
    """Reads one provider, and collects what is wrong."""

    def __init__(self, provider_id: str, environ: Mapping[str, str]) -> None:
        self._id, self._environ, self._prefix = provider_id, environ, prefix_of(provider_id)
        self._kind, self._preset = _kind(provider_id), PRESETS[_kind(provider_id)]
        self.wrong: list[str] = []

    def read(self) -> ProviderSettings:
        """The provider. It may be used only if nothing is wrong."""
        tenants = tuple(words(self._get("TENANTS").lower()))
        if any(not TENANT.fullmatch(tenant) for tenant in tenants):
            self._is_wrong("TENANTS", "must be the ids of tenants, such as 9f2c1a34-0c1d-4a5e-8f00-1234567890ab")
        return ProviderSettings(
            self._id,
            self._kind,
            self._get("NAME") or self._preset.name or self._id.replace("-", " ").capitalize(),
            self._issuer(),
            self._required("CLIENT_ID"),
            self._scopes(),
            self._trust(tenants),
            client_secret=self._required("CLIENT_SECRET"),
            audiences=tuple(words(self._get("AUDIENCES"))),
            needs_nonce=self._needs_nonce(),
            team_id=self._required("TEAM_ID"),
            key_id=self._required("KEY_ID"),
            private_key=self._private_key(),
            tenants=tenants,
        )

    def _get(self, name: str) -> str:
        return self._environ.get(self._prefix + name, "").strip()

    def _is_wrong(self, name: str, message: str) -> None:
        self.wrong.append(f"{self._prefix}{name} {message}")

    def _required(self, name: str) -> str:
        value = self._get(name)
        if not value and name in (*OF_EVERY_KIND, *self._preset.variables):
            self._is_wrong(name, "is missing")
        return value

    def _issuer(self) -> str:
        issuer = self._get("ISSUER") or self._preset.issuer
        if not issuer:
            self._is_wrong("ISSUER", "is missing")
        elif not is_endpoint(issuer, local=True) or set(issuer) & set("?#") or len(issuer) > MAX_ISSUER:
            self._is_wrong("ISSUER", "must be the provider's https URL, as in the `issuer` of its metadata")
        return issuer

    def _scopes(self) -> tuple[str, ...]:
        scopes = tuple(self._get("SCOPES").replace(",", " ").split()) or self._preset.scopes
        if self._preset.scopes == OPENID and "openid" not in scopes:
            self._is_wrong("SCOPES", "must contain openid: without it the provider sends no ID token")
        return scopes

    def _needs_nonce(self) -> bool:
        nonce = self._get("NONCE") or "required"
        if nonce not in ("required", "optional"):
            self._is_wrong("NONCE", "must be `required` or `optional`")
        return nonce != "optional"

    def _trust(self, tenants: tuple[str, ...]) -> EmailTrust:
        text = self._get("TRUSTS_EMAIL")
        if not text:
            return self._preset.trusts_email
        if self._kind == "microsoft" and text != "never" and not tenants:
            self._is_wrong("TRUSTS_EMAIL", f"needs {self._prefix}TENANTS: any tenant may claim any email address")
        if text in ("never", "verified"):
            return EmailTrust("never" if text == "never" else "verified")
        domains = tuple(words(text.removeprefix("domains:").lower()))
        if not text.startswith("domains:") or not domains or any(not DOMAIN.fullmatch(each) for each in domains):
            self._is_wrong(
                "TRUSTS_EMAIL", "must be `never`, `verified`, or `domains:` with domains such as example.com"
            )
        return EmailTrust("domains", domains)

    def _private_key(self) -> str:
        pem = self._required("PRIVATE_KEY").replace("\\n", "\n")
        if pem:
            try:
                key = serialization.load_pem_private_key(pem.encode(), None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                key = None
            if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
                self._is_wrong("PRIVATE_KEY", "must be the P-256 key in PEM from the .p8 file that Apple made")
        return pem
