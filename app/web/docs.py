"""/docs and /openapi.json: flasgger serves the OpenAPI document with a current Swagger UI, all from this host."""

from importlib.resources import files
from typing import Any

from flasgger import Swagger
from flask import Flask

CONFIG: dict[str, Any] = {
    "headers": [],
    "openapi": "3.1.0",
    "uiversion": 3,
    "title": "Latchkey API",
    "specs_route": "/docs",
    "specs": [{"endpoint": "openapi", "route": "/openapi.json", "rule_filter": lambda _rule: False}],
    "auth": {},
    "oauth_redirect": "/docs/oauth2-redirect.html",
    "static_url_path": "/docs/assets",
}


def init_docs(app: Flask, document: dict[str, Any]) -> None:
    """Serve `document`. flasgger's bundled Swagger UI cannot read OpenAPI 3.1, so its assets are replaced."""
    assets = str(files("flask_swagger_ui") / "dist")
    Swagger(app, config=CONFIG | {"static_folder": assets}, template=document)
