"""Who calls the Python classes of this wing: the client of a request, or somebody at a Python prompt."""

from flask import has_request_context

from app.core.client_info import ClientInfo
from app.web.client_info import client_info


def caller() -> ClientInfo:
    """Where the present request comes from; nowhere outside one."""
    return client_info() if has_request_context() else ClientInfo()
