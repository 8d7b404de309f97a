"""The whole story at /docs, by nothing but Swagger UI's own buttons and with its examples as they stand."""

import json
from typing import Any

from tests.journeys.conftest import in_one_process, in_two_processes
from tests.journeys.test_in_the_browser import OLD, reset_email, sign_up, visit
from tests.support.profile import only_long

ANN = "ann@example.com"  # whose address and password are the examples' own
BY_TOKENS = f"Signed in as {ANN}: the tokens are under Authorize"
PATIENCE = 120_000  # ms; on a busy machine the page of a hundred operations takes long to draw
BY_COOKIES = f"Signed in as {ANN}: by cookies"


def sign_in_elsewhere(page: Any) -> dict[str, str]:
    """The tokens of another session, which the page knows nothing of."""
    tokens: dict[str, str] = page.request.post("/api/v1/auth/login", data={"email": ANN, "password": OLD}).json()
    return tokens


def execute(page: Any, operation: str, **changes: str) -> tuple[int, dict[str, Any]]:
    """Execute an operation with its example, but for `changes`; the status and the body that are then shown."""
    section = page.locator(f"#operations-{operation}")
    if "is-open" not in section.get_attribute("class"):
        section.locator(".opblock-summary-control").click()
    else:
        section.get_by_role("button", name="Clear").click()  # lest the last answer be taken for the next
    if changes:
        body = section.locator("textarea.body-param__text")
        body.fill(json.dumps(json.loads(body.input_value()) | changes))
    return press(section)


def execute_by_cookie(page: Any, operation: str) -> tuple[int, dict[str, Any]]:
    """Execute an operation with `transport=cookie`."""
    section = page.locator(f"#operations-{operation}")
    section.locator(".opblock-summary-control").click()
    section.locator("select").first.select_option("cookie")
    return press(section)


def press(section: Any) -> tuple[int, dict[str, Any]]:
    """Press Execute; the status and the body that are then shown."""
    section.get_by_role("button", name="Execute").click()
    answer = section.locator(".live-responses-table .response")
    status = int(answer.locator(".response-col_status").inner_text().split()[0])
    return status, json.loads(answer.locator("pre.microlight").first.inner_text()) if status != 204 else {}


def banner(page: Any, text: str) -> None:
    """Wait until the masthead says this, and nothing else."""
    page.wait_for_function("text => document.getElementById('signed-in').textContent === text", arg=text)


def authorize(page: Any, scheme: str, token: str) -> None:
    """Paste a token into the Authorize dialog."""
    page.get_by_role("button", name="Authorize", exact=True).click()
    assert page.locator(".auth-container").filter(has_text="cookieAuth").count() == 0  # nobody can fill that in
    form = page.locator(".auth-container").filter(has_text=scheme)
    form.get_by_role("textbox").fill(token)
    form.get_by_role("button", name="Apply credentials").click()
    form.get_by_role("heading", name="Authorized").wait_for()
    form.get_by_role("button", name="Close").click()


@in_two_processes
def test_the_whole_story_can_be_tried_out(chromium, live_server, mailbox):
    with visit(chromium, live_server) as (page, _):
        page.set_default_timeout(PATIENCE)
        page.goto("/docs")
        assert execute(page, "sign-in-signup")[0] == 201
        banner(page, BY_TOKENS)
        page.reload()
        banner(page, BY_TOKENS)
        assert execute(page, "sign-in-refresh")[0] == 200
        status, account = execute(page, "account-get_account")
        assert (status, account["email"]) == (200, ANN)
        assert execute(page, "password-reset-forgot_password")[0] == 200
        token = reset_email(mailbox).token
        assert execute(page, "password-reset-reset_password", reset_token=token)[0] == 200
        banner(page, "")
        assert execute(page, "sign-in-login", password="a new horse battery")[0] == 200
        status, same = execute(page, "account-get_account")
        assert (status, same["id"]) == (200, account["id"])
        assert execute(page, "sign-in-logout")[0] == 204
        banner(page, "")


@only_long
@in_one_process  # what this page does with credentials. One test: the page takes long to load
def test_pasted_tokens_and_cookies_never_meet_in_one_request(chromium, live_server):
    with visit(chromium, live_server) as (page, _):
        page.set_default_timeout(PATIENCE)
        sign_up(page, ANN)
        page.goto("/docs")
        authorize(page, "bearerAuth", sign_in_elsewhere(page)["access_token"])
        assert execute(page, "account-get_account")[1]["email"] == ANN
        authorize(page, "refreshToken", sign_in_elsewhere(page)["refresh_token"])
        assert execute(page, "sign-in-refresh")[0] == 200
        banner(page, BY_TOKENS)
        assert execute_by_cookie(page, "sign-in-login")[0] == 200
        banner(page, BY_COOKIES)
        assert execute(page, "account-get_account")[0] == 200
        assert execute(page, "account-update_account", first_name="Eve")[0] == 200
        assert execute(page, "sign-in-refresh")[0] == 200
        authorize(page, "bearerAuth", sign_in_elsewhere(page)["access_token"])
        assert execute(page, "account-get_account")[1]["first_name"] == "Eve"
        assert execute(page, "sign-in-logout")[0] == 204
        banner(page, BY_COOKIES)
        assert execute(page, "sign-in-logout")[0] == 204
        banner(page, "")
        assert execute(page, "account-get_account")[0] == 401
        without_scheme = sign_in_elsewhere(page)["refresh_token"]
        assert execute(page, "sign-in-refresh", refresh_token=without_scheme)[0] == 200
