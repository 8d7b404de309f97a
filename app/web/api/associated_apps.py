"""/.well-known files of passkeys: which pages and apps may use them."""

from flask import Blueprint
from pydantic import Field, RootModel

from app.current import auth
from app.flows.associated_apps import NoAssociatedApps
from app.web.endpoint import endpoint
from app.web.schemas import ResponseBody

MAX_AGE = 3_600

blueprint = Blueprint("associated_apps", __name__, url_prefix="/.well-known")


class RelatedOrigins(ResponseBody):
    """Pages on other domains that may use the passkeys of this one (WebAuthn Level 3, 5.11)."""

    origins: list[str] = Field(examples=[["https://example.de"]])


class WebCredentials(ResponseBody):
    """Apps that may use the passkeys."""

    apps: list[str] = Field(examples=[["A1B2C3D4E5.com.example.app"]])


class AppleAppSiteAssociation(ResponseBody):
    """The apps of Apple's systems (Associated Domains)."""

    webcredentials: WebCredentials


class AndroidTarget(ResponseBody):
    """An Android app."""

    namespace: str = Field(examples=["android_app"])
    package_name: str = Field(examples=["com.example.app"])
    sha256_cert_fingerprints: list[str]


class AssetLink(ResponseBody):
    """What an app may do for this domain."""

    relation: list[str]
    target: AndroidTarget


class AssetLinks(ResponseBody, RootModel[list[AssetLink]]):
    """The Android apps that may use the passkeys (Digital Asset Links)."""


@blueprint.get("/webauthn")
@endpoint(gives=RelatedOrigins, needs_database=False, cache_seconds=MAX_AGE, errors=(NoAssociatedApps,))
def get_related_origins() -> object:
    """Get the related origins.

    Browsers read this before a page on another domain uses a passkey. 404 if PASSKEY_ORIGINS has no such page.
    """
    return auth.associated_apps.related_origins()


@blueprint.get("/assetlinks.json")
@endpoint(gives=AssetLinks, needs_database=False, cache_seconds=MAX_AGE, errors=(NoAssociatedApps,))
def get_asset_links() -> object:
    """Get the Android apps.

    404 without ANDROID_APPS.
    """
    return auth.associated_apps.android()


@blueprint.get("/apple-app-site-association")
@endpoint(gives=AppleAppSiteAssociation, needs_database=False, cache_seconds=MAX_AGE, errors=(NoAssociatedApps,))
def get_apple_app_site_association() -> object:
    """Get the apps of Apple's systems.

    404 without APPLE_APPS.
    """
    return auth.associated_apps.apple()
