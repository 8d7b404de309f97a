"""What both systems share: their contracts, and refusals as {"error": "..."}."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from flask import Response, current_app, request
from pydantic import ConfigDict, Field
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app.current import settings
from app.web.endpoint import endpoint
from app.web.schemas import RequestBody, ResponseBody

USER_SERVICE = "user_authentication_service"
SESSION_API = "session_authentication"
PREFIX = "/api/v1"
MISSING = ("missing", "too_short")
Address = Annotated[str, Field(min_length=1, max_length=254)]  # what is no address is answered as unknown


class CompatError(ResponseBody):
    """A error of the classic systems; one of the two members is there."""

    omits_none: ClassVar[bool] = True

    error: str | None = Field(None, examples=["Not found"])
    message: str | None = Field(None, examples=["email already registered"])


class LenientBody(RequestBody):
    """A body whose further members do not matter."""

    model_config = ConfigDict(extra="ignore")


def compat_endpoint(*refusals: int, **terms: Any) -> Callable[..., Callable[..., Response]]:
    """An `endpoint` that may refuse with these statuses, and with those that its terms bring along."""
    statuses = {*refusals, HTTPStatus.SERVICE_UNAVAILABLE} if terms.get("needs_database", True) else {*refusals}
    if terms.get("takes"):
        statuses |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        statuses |= set() if terms.get("form") else {HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
    return endpoint(problems=False, also={int(status): CompatError for status in sorted(statuses)}, **terms)


def compat_error(status: int, **words: str) -> Response:
    """A error in these words: `error(401, error="wrong password")`."""
    return Response(json.dumps(words), status, mimetype="application/json")


def set_cookie(answer: Response, name: str, session_id: str) -> Response:
    """The answer, with a session's id in a cookie that no script reads and no page of another site sends in a write."""
    secure = settings.public_url.startswith("https://")
    path = request.script_root or "/"
    answer.set_cookie(name, session_id, path=path, secure=secure, httponly=True, samesite="Lax")
    return answer


def to_compat_error(answer: Response) -> Response:
    """The answer, in this wing with a classic body where the house refuses with a problem document."""
    if answer.mimetype == "application/problem+json" and _is_compat_route():
        answer.set_data(json.dumps({"error": _words(answer.get_json())}))
        answer.mimetype = "application/json"
    return answer


def _is_compat_route() -> bool:
    """Whether a route of the wing answered; what leads nowhere under the prefix is the wing's as well."""
    missed, endpoint_name = request.routing_exception, request.endpoint or ""
    if isinstance(missed, NotFound):
        return f"{request.path}/".startswith(f"{PREFIX}/")
    if isinstance(missed, MethodNotAllowed) and missed.valid_methods:
        adapter = current_app.create_url_adapter(request)
        endpoint_name = str(adapter.match(method=next(iter(missed.valid_methods)))[0]) if adapter else ""
    return endpoint_name.partition(".")[0] in (USER_SERVICE, SESSION_API)


def _words(problem: dict[str, Any]) -> str:
    wrong = next(iter(problem.get("errors", ())), None)
    if wrong is None:
        return str(problem["title"]).capitalize()
    if not wrong["field"]:
        return "Wrong format"
    return f"{wrong['field']} missing" if wrong["code"] in MISSING else f"{wrong['field']}: {wrong['message']}"
