"""Shared by both systems: contracts, and errors as {"error": "..."}."""

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
Address = Annotated[str, Field(min_length=1, max_length=254)]  # an invalid address is treated as an unknown one


class CompatError(ResponseBody):
    """An error of the compatibility API. It has one of the two members."""

    omits_none: ClassVar[bool] = True

    error: str | None = Field(None, examples=["Not found"])
    message: str | None = Field(None, examples=["email already registered"])


class LenientBody(RequestBody):
    """A body that may have unknown members; they are ignored."""

    model_config = ConfigDict(extra="ignore")


def compat_endpoint(*error_statuses: int, **terms: Any) -> Callable[..., Callable[..., Response]]:
    """An `endpoint` with these error statuses, and those that its terms imply."""
    statuses = {*error_statuses}
    if terms.get("needs_database", True):
        statuses.add(HTTPStatus.SERVICE_UNAVAILABLE)
    if terms.get("takes"):
        statuses |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        statuses |= set() if terms.get("form") else {HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
    return endpoint(problems=False, also={int(status): CompatError for status in sorted(statuses)}, **terms)


def compat_error(status: int, **members: str) -> Response:
    """An error with these members: `compat_error(401, error="wrong password")`."""
    return Response(json.dumps(members), status, mimetype="application/json")


def set_cookie(answer: Response, name: str, session_id: str) -> Response:
    """Set a session id in an HttpOnly cookie with SameSite=Lax."""
    secure = settings.public_url.startswith("https://")
    path = request.script_root or "/"
    answer.set_cookie(name, session_id, path=path, secure=secure, httponly=True, samesite="Lax")
    return answer


def to_compat_error(answer: Response) -> Response:
    """Replace problem documents by the error format of the compatibility API, on its routes only."""
    if answer.mimetype == "application/problem+json" and _is_compat_route():
        answer.set_data(json.dumps({"error": _message(answer.get_json())}))
        answer.mimetype = "application/json"
    return answer


def _is_compat_route() -> bool:
    """Whether the request is for the compatibility API; so is an unknown path under its prefix."""
    missed, endpoint_name = request.routing_exception, request.endpoint or ""
    if isinstance(missed, NotFound):
        return f"{request.path}/".startswith(f"{PREFIX}/")
    if isinstance(missed, MethodNotAllowed) and missed.valid_methods:
        adapter = current_app.create_url_adapter(request)
        endpoint_name = str(adapter.match(method=next(iter(missed.valid_methods)))[0]) if adapter else ""
    return endpoint_name.partition(".")[0] in (USER_SERVICE, SESSION_API)


def _message(problem: dict[str, Any]) -> str:
    first = next(iter(problem.get("errors", ())), None)
    if first is None:
        return str(problem["title"]).capitalize()
    if not first["field"]:
        return "Wrong format"
    return f"{first['field']} missing" if first["code"] in MISSING else f"{first['field']}: {first['message']}"
