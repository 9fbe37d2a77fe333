"""Prefect's server in a process that ends with the one that started it; a script for `python -m`."""

import os
import socket
import sys
import threading


def main() -> None:
    """Serve on a bound socket, whose descriptor is the first argument, until standard input is closed."""
    # Before the imports, which take seconds: the other process may end at any time.
    threading.Thread(target=_end_with_input, daemon=True).start()
    import uvicorn

    listener = socket.socket(fileno=int(sys.argv[1]))
    app = "prefect.server.api.server:create_app"
    server = uvicorn.Server(uvicorn.Config(app, factory=True, log_level="error", lifespan="on"))
    server.run(sockets=[listener])
    sys.exit(0 if server.started else os.EX_UNAVAILABLE)


def _end_with_input() -> None:
    """End at once when nobody holds the other end of standard input any more, however its process ended."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
