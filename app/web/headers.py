"""The response headers that keep a browser from doing more with an answer than it should."""

from flask import Flask, Response

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TWO_YEARS = 2 * 365 * 86_400


def init_headers(app: Flask, production: bool) -> None:
    """Give every answer of `app` these headers, where the view has not set its own."""

    @app.after_request
    def protect(response: Response) -> Response:
        page = response.mimetype == "text/html"
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Content-Security-Policy", PAGE_POLICY if page else API_POLICY)
        headers.setdefault("Cache-Control", "no-store")  # static files come with their own
        response.vary.add("Origin")  # who may read it is said for one origin, which a cache must not tell another
        if page:
            headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if production:
            headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains")
        return response
