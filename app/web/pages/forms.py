"""Pages with forms that use cookies."""

from flask import Blueprint, Response

from app.web.pages.emailed_links import with_error_pages


def with_forms(blueprint: Blueprint) -> Blueprint:
    """Make all errors of the blueprint pages, and let its forms send their origin."""
    blueprint.after_request(tell_own_origin)
    return with_error_pages(blueprint)


def tell_own_origin(answer: Response) -> Response:
    """Let forms of this page send their origin: a form without it is taken for one of another site."""
    answer.headers.setdefault("Referrer-Policy", "same-origin")
    return answer
