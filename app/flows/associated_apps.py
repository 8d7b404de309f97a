"""The files by which browsers and phones learn which pages and apps may use the passkeys."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from app.core.errors import NotFound
from app.domain.passkeys.relying_party import RelyingParty

Item = TypeVar("Item")
ANDROID_RELATIONS: Final = ("delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds")


class NoAssociatedApps(NotFound):
    """No app or page of this kind is set."""

    detail = "No such file: PASSKEY_ORIGINS, ANDROID_APPS and APPLE_APPS name what it would list."


@dataclass(frozen=True, slots=True)
class AssociatedApps:
    """Lists pages and apps. Each raises `NoAssociatedApps` for an empty list."""

    relying_party: RelyingParty

    def related_origins(self) -> dict[str, list[str]]:
        """The pages on other domains (WebAuthn Level 3, 5.11)."""
        return {"origins": _required(self.relying_party.related_origins)}

    def android(self) -> list[dict[str, Any]]:
        """The Android apps (Digital Asset Links)."""
        return [
            {
                "relation": list(ANDROID_RELATIONS),
                "target": {
                    "namespace": "android_app",
                    "package_name": app.package,
                    "sha256_cert_fingerprints": [app.fingerprint],
                },
            }
            for app in _required(list(self.relying_party.android_apps))
        ]

    def apple(self) -> dict[str, dict[str, list[str]]]:
        """The apps of Apple's systems (Associated Domains)."""
        return {"webcredentials": {"apps": _required(list(self.relying_party.apple_apps))}}


def _required(found: list[Item]) -> list[Item]:
    if not found:
        raise NoAssociatedApps
    return found
