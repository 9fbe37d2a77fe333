"""Serving the flows."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on 127.0.0.1.")
    ] = 4200,
) -> None:
    """Serve the daily and the weekly flow on schedule, with a Prefect server where none is configured."""
    from flows.serving import serve_flows

    serve_flows(port)
