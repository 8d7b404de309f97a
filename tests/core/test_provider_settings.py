"""The settings of identity providers: read for each id, and refused with the name of the variable."""

import pytest

from app.core.provider_settings import EmailTrust, is_endpoint
from app.core.provider_variables import read_providers
from config import SettingsError, load, new_signing_key

WORK = {
    "PROVIDERS": "work",
    "PROVIDER_WORK_ISSUER": "https://id.example.com/",
    "PROVIDER_WORK_CLIENT_ID": "latchkey",
    "PROVIDER_WORK_CLIENT_SECRET": "the-client-secret",
}
APPLE = {
    "PROVIDERS": "apple",
    "PROVIDER_APPLE_CLIENT_ID": "com.example.web",
    "PROVIDER_APPLE_TEAM_ID": "A1B2C3D4E5",
    "PROVIDER_APPLE_KEY_ID": "K1",
    "PROVIDER_APPLE_PRIVATE_KEY": new_signing_key(),
}
MICROSOFT = {
    "PROVIDERS": "microsoft",
    "PROVIDER_MICROSOFT_CLIENT_ID": "latchkey",
    "PROVIDER_MICROSOFT_CLIENT_SECRET": "the-client-secret",
}
REDIRECTS = {"REDIRECT_URLS": "https://app.example.com/signed-in"}
TENANT = "9f2c1a34-0c1d-4a5e-8f00-1234567890ab"


def only(environ):
    (provider,) = read_providers(environ)
    return provider


def test_any_other_id_is_an_openid_provider():
    provider = only(WORK)
    assert (provider.id, provider.kind, provider.name) == ("work", "openid", "Work")
    assert (provider.issuer, provider.client_id) == ("https://id.example.com/", "latchkey")
    assert (provider.scopes, provider.trusts_email) == (("openid", "email", "profile"), EmailTrust("never"))
    assert provider.needs_nonce


@pytest.mark.parametrize("kind", ["google", "github"])
def test_preset_needs_client_id_and_secret_only(kind):
    name = f"PROVIDER_{kind.upper()}_CLIENT"
    provider = only({"PROVIDERS": kind, f"{name}_ID": "id", f"{name}_SECRET": "secret"})
    assert provider.kind == kind
    assert provider.issuer.startswith("https://")


def test_apple_needs_its_key_instead_of_a_secret():
    assert "PRIVATE KEY-----" in only(APPLE).private_key
    one_line = APPLE["PROVIDER_APPLE_PRIVATE_KEY"].replace("\n", "\\n")
    assert only(APPLE | {"PROVIDER_APPLE_PRIVATE_KEY": one_line}).private_key.strip() == only(APPLE).private_key
    with pytest.raises(ValueError, match=r"^PROVIDER_APPLE_CLIENT_SECRET: no such setting"):
        read_providers(APPLE | {"PROVIDER_APPLE_CLIENT_SECRET": "secret"})


def test_provider_secret_may_be_a_file(tmp_path):
    (tmp_path / "secret").write_text("from-the-file\n")
    given = {name: value for name, value in WORK.items() if not name.endswith("SECRET")}
    assert only(given | {"PROVIDER_WORK_CLIENT_SECRET_FILE": str(tmp_path / "secret")}).client_secret == "from-the-file"
    with pytest.raises(ValueError, match=r"^PROVIDER_WORK_CLIENT_SECRET_FILE: .* cannot be read"):
        read_providers(given | {"PROVIDER_WORK_CLIENT_SECRET_FILE": str(tmp_path / "missing")})


def test_id_with_a_hyphen_has_an_underscore_in_its_variables():
    names = {name.replace("WORK", "MY_WORK"): value for name, value in WORK.items()}
    assert only(names | {"PROVIDERS": "my-work"}).name == "My work"


@pytest.mark.parametrize(
    ("base", "variable", "value"),
    [
        (WORK, "PROVIDERS", "Work"),
        (WORK, "PROVIDERS", "work,work"),
        (WORK, "PROVIDERS", "../work"),
        (WORK, "PROVIDERS", "w" * 33),
        (WORK, "PROVIDER_WORK_ISSUER", ""),
        (WORK, "PROVIDER_WORK_ISSUER", "http://id.example.com"),
        (WORK, "PROVIDER_WORK_ISSUER", "file:///etc/passwd"),
        (WORK, "PROVIDER_WORK_ISSUER", "https://user@id.example.com"),
        (WORK, "PROVIDER_WORK_ISSUER", "https://id.example.com?x=1"),
        (WORK, "PROVIDER_WORK_ISSUER", "https://id.example.com:port"),
        (WORK, "PROVIDER_WORK_ISSUER", "https://id.example.com/" + "x" * 250),
        (WORK, "PROVIDER_WORK_CLIENT_ID", ""),
        (WORK, "PROVIDER_WORK_CLIENT_SECRET", ""),
        (WORK, "PROVIDER_WORK_SCOPES", "email profile"),
        (WORK, "PROVIDER_WORK_NONCE", "maybe"),
        (WORK, "PROVIDER_WORK_TRUSTS_EMAIL", "always"),
        (WORK, "PROVIDER_WORK_TRUSTS_EMAIL", "domains:"),
        (WORK, "PROVIDER_WORK_TRUSTS_EMAIL", "domains:*"),
        (WORK, "PROVIDER_WORK_TRUSTS_EMAIL", "example.com"),
        (WORK, "PROVIDER_WORK_CLIENT_SCERET", "x"),
        (WORK, "PROVIDER_WORK_TENANTS", TENANT),
        (WORK, "PROVIDER_GOOGLE_CLIENT_ID", "x"),
        (WORK, "PROVIDER_WORKER_CLIENT_ID", "x"),
        (APPLE, "PROVIDER_APPLE_TEAM_ID", ""),
        (APPLE, "PROVIDER_APPLE_KEY_ID", ""),
        (APPLE, "PROVIDER_APPLE_PRIVATE_KEY", "not-a-key"),
        (MICROSOFT, "PROVIDER_MICROSOFT_TENANTS", "common"),
        (MICROSOFT, "PROVIDER_MICROSOFT_TRUSTS_EMAIL", "verified"),
    ],
)
def test_wrong_provider_setting_is_named(base, variable, value):
    with pytest.raises(SettingsError, match=rf"(?m)^{variable}\b"):
        load({**base, **REDIRECTS, variable: value})


def test_every_wrong_provider_setting_has_a_line():
    with pytest.raises(ValueError, match="PROVIDER_") as refused:
        read_providers({"PROVIDERS": "work,apple", "PROVIDER_X": "1"})
    assert len(str(refused.value).splitlines()) == 8


def test_email_of_microsoft_counts_for_listed_tenants_only():
    named = {"PROVIDER_MICROSOFT_TENANTS": TENANT, "PROVIDER_MICROSOFT_TRUSTS_EMAIL": "domains:Example.com"}
    provider = only(MICROSOFT | named)
    assert (provider.tenants, provider.trusts_email) == ((TENANT,), EmailTrust("domains", ("example.com",)))


@pytest.mark.parametrize(
    "url",
    [
        "app.example.com/signed-in",
        "//app.example.com/signed-in",
        "https://app.example.com/signed-in#x",
        "https://user@app.example.com/",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/a b",
        "https:///signed-in",
        "javascript:alert(1)",
        "data:text/html,x",
        "*",
        "https://äpp.example.com/",
        "myapp:/signed-in",
    ],
)
def test_redirect_url_must_be_complete(url):
    with pytest.raises(SettingsError, match=r"^REDIRECT_URLS must be complete"):
        load({"REDIRECT_URLS": url})


@pytest.mark.parametrize(
    "url", ["https://app.example.com", "com.example.app:/signed-in", "http://127.0.0.1:4000/x", "http://10.0.0.7:3000/"]
)
def test_pages_and_apps_may_be_redirect_urls(url, tmp_path):
    assert load({"REDIRECT_URLS": url}, instance_path=tmp_path).redirect_urls == [url]


PRODUCTION = {
    "APP_ENV": "production",
    "PUBLIC_URL": "https://id.example.com",
    "SECRET_KEY": "iPh0Ahs9aekahj3Aeng4ooPh1quai7xeeWae",
    "SIGNING_KEY": new_signing_key(),
    **WORK,
    **REDIRECTS,
}


def test_issuer_without_tls_is_refused_in_production(tmp_path):
    local = {"PROVIDER_WORK_ISSUER": "http://localhost:4000"}
    assert load(PRODUCTION).providers[0].issuer == "https://id.example.com/"
    assert load({**WORK, **REDIRECTS, **local}, instance_path=tmp_path).providers[0].is_local
    with pytest.raises(SettingsError, match=r"^PROVIDERS: the issuer of work must be an https URL in production"):
        load(PRODUCTION | local)
    with pytest.raises(SettingsError, match=r"^REDIRECT_URLS"):
        load(PRODUCTION | {"REDIRECT_URLS": "http://10.0.0.7:3000/"})


def test_secrets_of_providers_are_not_shown(tmp_path):
    given = WORK | APPLE | {"PROVIDERS": "work,apple"} | REDIRECTS
    settings = load(given, instance_path=tmp_path)
    shown = repr(settings) + repr(settings.providers)
    assert "latchkey" in shown
    assert [text for text in ("the-client-secret", "PRIVATE KEY-----") if text in repr(settings.providers)] == []
    assert "the-client-secret" not in shown


@pytest.mark.parametrize(
    ("url", "local", "accepted"),
    [
        ("https://id.example.com/token", False, True),
        ("http://localhost:4000/token", True, True),
        ("http://localhost:4000/token", False, False),
        ("http://localhost.evil.example/token", True, False),
        ("file:///etc/passwd", True, False),
        ("https://[::1", True, False),
    ],
)
def test_endpoints_need_tls(url, local, accepted):
    assert is_endpoint(url, local=local) == accepted
