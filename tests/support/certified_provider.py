"""A certified OpenID Connect provider (npm oidc-provider) in a process of its own, and a browser that signs in."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, Request, build_opener

from app.core.provider_settings import EmailTrust, ProviderSettings
from tests.clients.install import NODE, installed_node_packages
from tests.support.lying_provider import CLIENT_ID

FOLDER = NODE / "oidc-provider"
SECRET = "a-secret-of-the-certified-provider"
MOST_STEPS = 12


@dataclass(frozen=True)
class CertifiedProvider:
    """The provider that runs. Every login name is an account; `ann` has a verified address, `silent` has none."""

    issuer: str

    def settings(self, **changes: Any) -> ProviderSettings:
        """The settings that make the service use this provider."""
        given: dict[str, Any] = {
            "id": "certified", "kind": "openid", "name": "Certified", "issuer": self.issuer, "client_id": CLIENT_ID,
            "scopes": ("openid", "email", "profile"), "trusts_email": EmailTrust("verified"), "client_secret": SECRET,
        }  # fmt: skip
        return ProviderSettings(**given | changes)

    def sign_in(self, url: str, name: str = "ann", *, cancel: bool = False) -> str:
        """Open the URL as a browser, log in, and consent or cancel: the URL to which the provider leads back."""
        browser = _browser()
        for _ in range(MOST_STEPS):
            status, location, page = _open(browser, url)
            if location:
                url = urljoin(url, location)
                if not url.startswith(self.issuer):
                    return url
                continue
            prompt = re.search(r'name="prompt" value="(\w+)"', page)
            action = re.search(r'action="([^"]+)"', page)
            if prompt is None or action is None:
                raise AssertionError(f"status {status} at {url}: {page[:500]}")
            if cancel:
                url = f"{action[1]}/abort"
                continue
            form = {"prompt": prompt[1], "login": name, "password": "anything"}
            url = urljoin(url, _open(browser, urljoin(url, action[1]), form)[1])
        raise AssertionError("the provider does not lead back")


@contextmanager
def certified_provider(callbacks: str, environ: Mapping[str, str]) -> Iterator[CertifiedProvider]:
    """The provider for a client with this redirect URL, until the block ends. Needs Node 20 and npm."""
    folder = installed_node_packages(FOLDER)
    script = (FOLDER / "provider.js").read_text()
    (folder / "provider.js").write_text(script)
    process = subprocess.Popen(
        ["node", "--no-warnings", "provider.js", CLIENT_ID, SECRET, callbacks],
        cwd=folder, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://localhost:"), "the provider did not start"
        yield CertifiedProvider(issuer)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _browser() -> OpenerDirector:
    policy = DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainLiberal)
    return build_opener(HTTPCookieProcessor(CookieJar(policy)), _NoRedirects)


def _open(browser: OpenerDirector, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """The status, where it leads to, and the page."""
    body = urlencode(form).encode() if form else None
    try:
        answer = browser.open(Request(url, body), timeout=10)  # noqa: S310 - our own provider
    except HTTPError as redirect:
        answer = redirect
    with answer:
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()
