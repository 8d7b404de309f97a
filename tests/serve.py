"""One process that serves the app for the tests: settings as JSON on standard input, its port on standard output."""

import sys

from werkzeug.serving import make_server

from app import create_app, start_deliverer
from config import Settings
from tests.servers import Silent


def main() -> None:
    """Serve until killed."""
    app = create_app(Settings.model_validate_json(sys.stdin.readline()))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    start_deliverer(app)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
