"""/client.js: the JavaScript client, for apps that load it from here instead of from npm."""

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request

SOURCE: Final = Path(__file__).parents[2] / "clients" / "js" / "latchkey.js"
BLOCK_COMMENT: Final = re.compile(r"/\*\*.*?\*/ ?", re.DOTALL)
LINE_COMMENT: Final = re.compile(r"(?m)^\s*//.*\n| // .*$")
BLANK: Final = re.compile(r"\n\s*")
# Modules are fetched with CORS, also by apps whose origin is not in CORS_ORIGINS. The file has no secret.
HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
}

pages_client = Blueprint("pages_client", __name__)


@pages_client.get("/client.js")
def client() -> Response:
    """The module without its comments, compressed where the browser takes that."""
    text, packed, digest = _module()
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    answer = Response(packed if takes_gzip else text, mimetype="text/javascript", headers=HEADERS)
    if takes_gzip:
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    answer.set_etag(digest + ("-gzip" if takes_gzip else ""))
    return answer.make_conditional(request)  # type: ignore[return-value]


@cache
def _module() -> tuple[bytes, bytes, str]:
    # The comments are for editors, and two fifths of the bytes. No text in the client has their marks.
    source = SOURCE.read_text()
    text = BLANK.sub("\n", LINE_COMMENT.sub("", BLOCK_COMMENT.sub("", source))).strip().encode()
    return text, gzip.compress(text, 9, mtime=0), hashlib.sha256(text).hexdigest()[:16]
