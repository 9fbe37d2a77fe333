"""A Prefect server, without its services, that a user runs who may not write to the packages; a script.

    python unprivileged_server.py PORT

Root becomes `nobody` as soon as the server is imported: `nobody` may not even read the packages. The folder
beside them in which the server would unpack its pages is not there yet, as on a fresh machine.
"""

import os
import sys

import prefect
import uvicorn
from prefect.server.api.server import create_app
from unprivileged import drop_privileges


def main() -> None:
    prefect.__ui_static_subpath__ = prefect.__ui_static_subpath__.with_name("pages_of_nobody")
    prefect.__ui_v2_static_subpath__ = prefect.__ui_v2_static_subpath__.with_name("newer_pages_of_nobody")
    if os.geteuid() == 0:
        drop_privileges()
    uvicorn.run(create_app(webserver_only=True), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
