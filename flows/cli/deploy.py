"""`bandcast deploy`."""

from typing import Annotated

import typer

from flows.cli.database import upgrade
from flows.cli.options import Reset


def deploy(
    reset: Reset = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would change.")] = False,
) -> None:
    """Deploy what is missing to the server of PREFECT_API_URL. The database is upgraded first."""
    from flows.prefect_runtime.server import deploy_to_server, require_server_url

    url = require_server_url()
    if not dry_run:
        upgrade()
    deploy_to_server(url, reset=reset, dry_run=dry_run)
