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
    always.append(("Vary", "Origin"))  # a cache must not reuse the CORS headers of one origin for another
    if production:
        always.append(("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains"))
    for_api = [*always, ("Content-Security-Policy", API_POLICY)]
    for_pages = [*always, ("Content-Security-Policy", PAGE_POLICY), ("Cross-Origin-Opener-Policy", "same-origin")]

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        present = {name.lower() for name, _ in headers}
        for name, value in for_pages if response.mimetype == "text/html" else for_api:
            if name.lower() not in present:
                headers.add(name, value)
        if "vary" in present:
            response.vary.add("Origin")
        return response
