"""The domain of the passkeys, and the pages and apps that may use them."""

import pytest

from app import create_app
from app.container.parts import relying_party
from config import SettingsError, load
from tests.support.api import is_problem, sign_up
from tests.support.authenticator import Authenticator
from tests.support.passkey_holder import PasskeyHolder

FINGERPRINT = ":".join(["0A"] * 31 + ["FF"])
KEY_HASH = "android:apk-key-hash:CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCv8"
FILES = ("webauthn", "assetlinks.json", "apple-app-site-association")
several = pytest.mark.settings(
    public_url="https://api.example.com",
    passkey_rp_id="example.com",
    passkey_origins=["https://app.example.com", "https://example.de", "https://example.com:8443"],
    android_apps=[f"com.example.app={FINGERPRINT}"],
    apple_apps=["A1B2C3D4E5.com.example.app"],
)
BASE = "https://api.example.com"


@pytest.mark.parametrize("file", FILES)
def test_files_are_missing_unless_set(client, file):
    assert is_problem(client.get(f"/.well-known/{file}"), 404, "not_found")


@several
def test_related_origins_are_those_of_other_domains(client):
    answer = client.get("/.well-known/webauthn", base_url=BASE)
    assert answer.json == {"origins": ["https://example.de"]}
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/json", "public, max-age=3600")


@several
def test_android_app_is_listed(client):
    answer = client.get("/.well-known/assetlinks.json", base_url=BASE)
    (entry,) = answer.json
    assert "delegate_permission/common.get_login_creds" in entry["relation"]
    assert entry["target"] == {
        "namespace": "android_app", "package_name": "com.example.app", "sha256_cert_fingerprints": [FINGERPRINT],
    }  # fmt: skip
    assert answer.mimetype == "application/json"


@several
def test_apple_app_is_listed(client):
    answer = client.get("/.well-known/apple-app-site-association", base_url=BASE)
    assert answer.json == {"webcredentials": {"apps": ["A1B2C3D4E5.com.example.app"]}}
    assert answer.mimetype == "application/json"


@several
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example.com", 201),
        ("https://example.de", 201),
        ("https://example.com:8443", 201),
        (KEY_HASH, 201),
        ("https://api.example.com", 400),
        ("https://example.com", 400),
        ("https://other.example.com", 400),
        ("http://app.example.com", 400),
    ],
)
def test_listed_origins_may_use_passkeys(app, origin, status):
    client = app.test_client()
    client.environ_base["HTTP_HOST"] = "api.example.com"
    holder = PasskeyHolder(client, Authenticator(origin=origin))
    assert holder.sign_up_options()["rp"]["id"] == "example.com"
    assert holder.sign_up_without_password().status_code == status


@pytest.mark.settings(cors_origins=["http://localhost:3000", "http://app.localhost:3000", "https://elsewhere.example"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8000", 201),
        ("http://localhost:3000", 201),
        ("http://app.localhost:3000", 201),
        ("https://elsewhere.example", 400),
    ],
)
def test_apps_of_the_same_domain_may_use_passkeys_by_default(client, origin, status):
    holder = PasskeyHolder(client, Authenticator(origin=origin))
    assert holder.sign_up_without_password().status_code == status


def test_default_domain_is_the_host_of_the_service(client):
    holder = PasskeyHolder(client, tokens=sign_up(client))
    assert holder.creation_options()["rp"] == {"id": "localhost", "name": "localhost"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"passkey_rp_id": "https://example.com"}, "PASSKEY_RP_ID"),
        ({"passkey_rp_id": "127.0.0.1"}, "PASSKEY_RP_ID"),
        ({"passkey_rp_id": "Example.com"}, "PASSKEY_RP_ID"),
        ({"passkey_rp_id": "example.com:443"}, "PASSKEY_RP_ID"),
        ({"passkey_rp_id": "example.com"}, "PASSKEY_ORIGINS"),  # the service is on localhost
        ({"passkey_origins": ["https://example.com"]}, "PASSKEY_ORIGINS"),
        ({"passkey_origins": ["http://example.com"], "passkey_rp_id": "example.com"}, "PASSKEY_ORIGINS"),
        ({"passkey_origins": ["https://localhost/"]}, "PASSKEY_ORIGINS"),
        ({"passkey_origins": ["https://*.localhost"]}, "PASSKEY_ORIGINS"),
        ({"passkey_origins": ["android:apk-key-hash:short"]}, "PASSKEY_ORIGINS"),
        ({"android_apps": ["com.example.app"]}, "ANDROID_APPS"),
        ({"android_apps": ["com.example.app=AA:BB"]}, "ANDROID_APPS"),
        ({"apple_apps": ["com.example.app"]}, "APPLE_APPS"),
        ({"role_permissions": "editor"}, "ROLE_PERMISSIONS"),
    ],
    ids=str,
)
def test_start_fails_with_an_invalid_setting(tmp_path, settings, named):
    chosen = load({}, app_env="testing", instance_path=tmp_path, bcrypt_rounds=4, **settings)
    with pytest.raises(SettingsError, match=f"^{named}: "):
        create_app(chosen)


@pytest.mark.parametrize(
    ("public_url", "origins"),
    [
        ("https://Example.com:443/accounts", ("https://example.com",)),
        ("https://example.com:8443", ("https://example.com:8443",)),
        ("http://localhost:8000", ("http://localhost:8000",)),
        ("http://intranet:8000", ()),  # browsers allow no passkey there, and the service starts all the same
        ("http://192.0.2.1:8000", ()),
    ],
)
def test_default_origin_is_that_of_a_secure_public_url(tmp_path, public_url, origins):
    made = relying_party(load({}, app_env="testing", instance_path=tmp_path, public_url=public_url))
    assert made.origins == origins


def test_settings_are_read_as_lists(tmp_path):
    environ = {
        "PASSKEY_ORIGINS": "http://localhost:8000, http://localhost:5173",
        "APPLE_APPS": "A1B2C3D4E5.com.example",
    }
    made = relying_party(load(environ, app_env="testing", instance_path=tmp_path))
    assert made.origins == ("http://localhost:8000", "http://localhost:5173")
    assert made.apple_apps == ("A1B2C3D4E5.com.example",)
