"""Security headers of responses."""

from flask import Flask, Response

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
TWO_YEARS = 2 * 365 * 86_400


def init_headers(app: Flask, production: bool) -> None:
    """Add these headers to every response, unless the view has set its own."""
    always = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store")]
    if production:
        always.append(("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains"))
    for_api = [*always, ("Content-Security-Policy", API_POLICY)]
    for_pages = [*always, ("Content-Security-Policy", PAGE_POLICY), ("Cross-Origin-Opener-Policy", "same-origin")]

    @app.after_request
    def add_headers(response: Response) -> Response:
        own = {name.lower() for name, _ in response.headers}
        defaults = for_pages if response.mimetype == "text/html" else for_api
        response.headers.extend([header for header in defaults if header[0].lower() not in own])
        response.vary.add("Origin")  # a cache must not reuse the CORS headers of one origin for another
        return response
