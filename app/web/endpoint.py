"""@endpoint: one contract per route, for validation, authorization, limits, the response and OpenAPI."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, TypeVar

from flask import Response, request
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.core.errors import Invalid, ServiceError, Unavailable
from app.web.errors import InvalidBody
from app.web.guards import Anyone, Guard
from app.web.input_errors import MAX_ERRORS, input_error, input_errors
from app.web.limits import Limit
from app.web.schemas import RequestBody, ResponseBody

Handler = TypeVar("Handler", bound=Callable[..., object])

ATTEMPTS: Final = 3
MAX_IDEMPOTENCY_KEY: Final = 255


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a route accepts and returns, who may call it, and its errors.

    `takes`, `form`, `query`: the schema of the body, whether it is a form, the schema of the query. `gives`, `status`:
    the response, and `also` further ones by status. `who`: the guard. `problems`: errors are problem documents; if
    not, `also` has their schemas. `navigated`: browsers open the route as a page, so they get errors as pages too.
    """

    takes: type[RequestBody] | None = None
    form: bool = False
    query: type[RequestBody] | None = None
    gives: type[ResponseBody] | None = None
    status: int = 200
    also: Mapping[int, type[ResponseBody]] = field(default_factory=dict)
    who: Guard = field(default_factory=Anyone)
    errors: tuple[type[ServiceError], ...] = ()
    problems: bool = True
    limit: Limit | None = None
    needs_database: bool = True
    idempotent: bool = False
    navigated: bool = False
    cache_seconds: int | None = None
    summary: str = ""
    description: str = ""

    def arguments(self) -> dict[str, object]:
        """The arguments of the handler. Raises an error if the request does not meet the contract."""
        arguments: dict[str, object] = {}
        result = self.who.admit()
        if self.who.gives:
            arguments[self.who.gives] = result
        if self.takes:
            arguments["body"] = _form(self.takes, strict=self.problems) if self.form else _body(self.takes)
        if self.query:
            arguments["query"] = _query(self.query)
        if self.idempotent:
            arguments["idempotency_key"] = _idempotency_key()
        return arguments

    def member(self, field: str | None) -> str | None:
        """The name on this route of the member that an error is about."""
        return self.takes.called.get(field, field) if self.takes and field else field

    def answer(self, result: object) -> Response:
        """The response for the handler's result."""
        if isinstance(result, Response):
            return result
        if self.gives is None:
            return Response(status=self.status)
        body = self.gives.model_validate(result).model_dump_json(exclude_none=self.gives.omits_none)
        answer = Response(body, self.status, mimetype="application/json")
        return answer if self.cache_seconds is None else _cached(answer, self.cache_seconds)


def endpoint(**terms: Any) -> Callable[[Handler], Callable[..., Response]]:
    """Give a handler a `Contract`. The first line of its docstring is the summary, the rest the description."""

    def decorate(handler: Handler) -> Callable[..., Response]:
        summary, _, description = (handler.__doc__ or "").partition("\n")
        contract = Contract(**terms, summary=summary.strip().rstrip("."), description=_unwrapped(description))

        @wraps(handler)
        def view(**path: object) -> Response:
            try:
                return _with_retries(lambda: contract.answer(handler(**contract.arguments(), **path)))
            except Invalid as error:
                error.field = contract.member(error.field)
                raise

        limited: Callable[..., Response] = contract.limit(view) if contract.limit else view
        limited.contract = contract  # type: ignore[attr-defined]
        limited.__doc__ = None  # flasgger would read it as YAML
        return limited

    return decorate


def contract_of(view: Callable[..., object]) -> Contract | None:
    """The contract of a view."""
    return getattr(view, "contract", None)


def _with_retries(act: Callable[[], Response]) -> Response:
    # A deadlock or a restart of the database rolls back the whole transaction, so repeating it is safe. If the
    # connection broke during COMMIT, the first attempt may have succeeded; the second is then like a repeated request.
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return act()
        except Unavailable as error:
            if attempt == ATTEMPTS or not error.transient:
                raise
    raise AssertionError("unreachable")


def _cached(answer: Response, seconds: int) -> Response:
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        message = f"Must have 1 to {MAX_IDEMPOTENCY_KEY} characters."
        raise InvalidBody([input_error("Idempotency-Key", "wrong_format", message)])
    return key


def _body(model: type[RequestBody]) -> RequestBody:
    data = request.get_data()
    if request.content_length is None and len(data) >= (request.max_content_length or len(data) + 1):
        raise RequestEntityTooLarge  # Werkzeug silently truncates a chunked body
    if data and request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON with the header `Content-Type: application/json`.")
    # Without members to send, clients send no body and often no Content-Type; generated Go clients send null.
    is_empty = not data or data.strip() == b"null"
    return _validated(lambda: model.model_validate_json(b"{}" if is_empty else data))


def _form(model: type[RequestBody], *, strict: bool) -> RequestBody:
    if strict and request.mimetype != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Send a form, as a browser does.")
    fields = _reject_repeated(request.form)
    return _validated(lambda: model.model_validate(fields))


def _query(model: type[RequestBody]) -> RequestBody:
    fields = _reject_repeated(request.args)
    return _validated(lambda: model.model_validate(fields, strict=False))


def _reject_repeated(fields: MultiDict[str, str]) -> dict[str, str]:
    # A proxy or a log could use another value than this service (parameter pollution, ASVS 15.3.7).
    repeated = [name for name, values in fields.lists() if len(values) > 1]
    if repeated:
        raise InvalidBody([input_error(name, "repeated", "Send this only once.") for name in repeated[:MAX_ERRORS]])
    return fields.to_dict()


def _validated(validate: Callable[[], RequestBody]) -> RequestBody:
    try:
        return validate()
    except ValidationError as invalid:
        raise InvalidBody(input_errors(invalid)) from None


def _unwrapped(text: str) -> str:
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
