"""Errors as HTML pages with the content of the problem document, for browsers outside the API."""

from typing import Final

from flask import Flask, Response, current_app, render_template, request

from app.web.endpoint import contract_of

PROBLEM: Final = "application/problem+json"


def init_error_pages(app: Flask) -> None:
    """Turn problem documents into pages. Call this after `init_headers`, so that the headers are added to the page."""

    @app.after_request
    def show_page(answer: Response) -> Response:
        if answer.mimetype == PROBLEM and not _is_for_programs():
            answer.vary.add("Accept")
            if request.accept_mimetypes.best_match([PROBLEM, "application/json", "text/html"]) == "text/html":
                answer.set_data(render_template("error.html", problem=answer.get_json(), headers=answer.headers))
                answer.mimetype = "text/html"
        return answer


def _is_for_programs() -> bool:
    """Whether the request is for the API or another route with a contract, which defines its responses."""
    view = current_app.view_functions.get(request.endpoint or "")
    contract = contract_of(view) if view else None
    if contract is not None:
        return not contract.navigated
    return f"{request.path}/".startswith("/api/")
