"""The client info of calls to the Python classes of the compatibility API."""

from dataclasses import replace

from flask import has_request_context

from app.core.client_info import ClientInfo
from app.web.client_info import client_info


def caller() -> ClientInfo:
    """The client of the current request; empty outside of a request, as at a Python prompt."""
    # A trusted device does not help here: this API cannot ask for the second factor later.
    return replace(client_info(), trusted_device_token=None) if has_request_context() else ClientInfo()
