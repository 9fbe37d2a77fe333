"""`bandcast deploy`."""

from flows.cli.database import upgrade


def deploy() -> None:
    """Deploy every flow to the Prefect server of PREFECT_API_URL, and bring the database up to date."""
    from flows.prefect_runtime.server import deploy_to_server

    upgrade()
    deploy_to_server()
