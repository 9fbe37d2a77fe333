"""`bandcast serve`."""

from typing import Annotated

import typer

from flows.cli.options import Reset


def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on 127.0.0.1.")
    ] = 4200,
    reset: Reset = False,
) -> None:
    """Serve every flow on its schedule: a Prefect server where none is configured, and a worker."""
    from flows.prefect_runtime.server import serve_flows

    serve_flows(port, reset=reset)
