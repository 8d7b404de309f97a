"""The whole story at /docs, by nothing but Swagger UI's own buttons and with its examples as they stand."""

import json
from typing import Any

from tests.journeys.conftest import in_one_process
from tests.journeys.test_in_the_browser import OLD, reset_letter, sign_up, visit

ANN = "ann@example.com"  # whose address and password are the examples' own


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
    section.get_by_role("button", name="Execute").click()
    answer = section.locator(".live-responses-table .response")
    status = answer.locator(".response-col_status").inner_text()
    return int(status.split()[0]), json.loads(answer.locator("pre.microlight").first.inner_text())


def authorize(page: Any, scheme: str, token: str) -> None:
    """Paste a token into the Authorize dialog."""
    page.get_by_role("button", name="Authorize", exact=True).click()
    form = page.locator(".auth-container").filter(has_text=scheme)
    form.get_by_role("textbox").fill(token)
    form.get_by_role("button", name="Apply credentials").click()
    form.get_by_role("heading", name="Authorized").wait_for()
    form.get_by_role("button", name="Close").click()


def test_the_whole_story_can_be_tried_out(chromium, live_server, mailbox):
    with visit(chromium, live_server) as (page, _):
        page.goto("/docs")
        assert execute(page, "sign-in-signup")[0] == 201
        page.get_by_role("status").filter(has_text="Signed in").wait_for()
        status, account = execute(page, "account-show_account")
        assert (status, account["email"]) == (200, ANN)
        assert execute(page, "password-reset-forgot_password")[0] == 200
        token = reset_letter(mailbox).token
        assert execute(page, "password-reset-reset_password", reset_token=token)[0] == 200
        assert execute(page, "sign-in-login", password="a new horse battery")[0] == 200
        status, same = execute(page, "account-show_account")
        assert (status, same["id"]) == (200, account["id"])


@in_one_process  # what the dialog does with a token
def test_a_token_from_elsewhere_is_pasted_under_authorize(chromium, live_server):
    with visit(chromium, live_server) as (page, _):
        sign_up(page, ANN)
        answer = page.request.post("/api/v1/auth/login", data={"email": ANN, "password": OLD})
        page.goto("/docs")
        authorize(page, "bearerAuth", answer.json()["access_token"])
        assert execute(page, "account-show_account")[1]["email"] == ANN
