"""OpenID Connect Discovery 1.0: what a provider publishes about itself."""

from dataclasses import dataclass
from typing import Any, Final

from app.core.provider_settings import ANY_TENANT, ProviderSettings, is_endpoint
from app.domain.providers.cached import Cached
from app.domain.providers.connection import ProviderConnection

PATH: Final = "/.well-known/openid-configuration"
FRESH: Final = 3_600  # seconds
USABLE: Final = 86_400
# No symmetric algorithm: the client secret would be a key, and a public key could be taken for one (RFC 8725, 2.1).
ALGORITHMS: Final = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of a provider. `sends_issuer`: each answer to an authorization request has `iss` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: frozenset[str]
    sends_issuer: bool
    takes_basic: bool


class Discovery:
    """Reads the metadata of a provider when it is needed first, so that no provider delays the start."""

    def __init__(self, settings: ProviderSettings, connection: ProviderConnection) -> None:
        self._settings, self._connection = settings, connection
        self._cached = Cached(self._read, fresh=FRESH, usable=USABLE)

    def metadata(self) -> Metadata:
        """The metadata. Raises `ProviderUnavailable`, also if it is not that of the issuer in the settings."""
        return self._cached.get()

    def _read(self) -> Metadata:
        found = self._connection.get(_tenant_issuer(self._settings).rstrip("/") + PATH)
        try:
            return _checked(found, self._settings)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise self._connection.failed(f"its metadata cannot be used: {error}") from error


def _tenant_issuer(settings: ProviderSettings) -> str:
    """The issuer, for Microsoft with the tenant whose metadata is read."""
    tenant = settings.tenants[0] if len(settings.tenants) == 1 else "common"
    return settings.issuer.replace(ANY_TENANT, tenant)


def _checked(found: Any, settings: ProviderSettings) -> Metadata:
    # OpenID Connect Discovery 1.0, 4.3: the issuer must be the one that was asked for, character by character.
    if found["issuer"] not in (settings.issuer, _tenant_issuer(settings)):
        raise ValueError(f"its issuer is {str(found['issuer'])[:255]!r}, and in the settings {settings.issuer!r}")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    userinfo = found.get("userinfo_endpoint")
    for url in (*(found[name] for name in names), *([userinfo] if userinfo else [])):
        if not isinstance(url, str) or not is_endpoint(url, local=settings.is_local):
            raise ValueError(f"{str(url)[:255]!r} in its metadata is not an https URL")
    algorithms = ALGORITHMS.intersection(found.get("id_token_signing_alg_values_supported", ["RS256"]))
    if not algorithms:
        raise ValueError("it signs ID tokens with no algorithm that is accepted here")
    return Metadata(
        issuer=found["issuer"],
        authorization_endpoint=found["authorization_endpoint"],
        token_endpoint=found["token_endpoint"],
        jwks_uri=found["jwks_uri"],
        userinfo_endpoint=userinfo,
        algorithms=algorithms,
        sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        takes_basic="client_secret_basic"
        in found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
    )
