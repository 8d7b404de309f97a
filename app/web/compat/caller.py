"""The client info of calls to the Python classes of the compatibility API."""

from flask import has_request_context

from app.core.client_info import ClientInfo
from app.web.client_info import client_info


def caller() -> ClientInfo:
    """The client of the current request; empty outside of a request, as at a Python prompt."""
    return client_info() if has_request_context() else ClientInfo()
