"""`api.v1.app` of session authentication: `python -m api.v1.app` serves the API at API_HOST and API_PORT."""

import os
import sys

import _service

from run import main

if __name__ == "__main__":
    host = os.environ.get("API_HOST", "127.0.0.1")
    os.environ |= {"HOST": host, "PORT": os.environ.get("API_PORT", "5000"), "COMPAT_API": "true"}
    os.environ["TRUSTED_HOSTS"] = ",".join(filter(None, (os.environ.get("TRUSTED_HOSTS"), host)))
    sys.exit(main())

app = _service.service()
auth = app.extensions["compat"]
