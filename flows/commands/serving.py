"""Serving the flows, and filling what was missed while nobody did."""

from datetime import datetime
from typing import Annotated

import typer

from flows.commands.jobs import result
from flows.commands.options import CsvDir, Horizon, Json, Source, Tickers, parameters

app = typer.Typer()


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on 127.0.0.1.")
    ] = 4200,
) -> None:
    """Serve every flow on its schedule: a Prefect server where none is configured, and a worker."""
    from flows.prefect_runtime.server import serve_flows

    serve_flows(port)


@app.command()
def deploy() -> None:
    """Deploy every flow to the Prefect server of PREFECT_API_URL, and bring the database up to date."""
    from flows.commands.database import upgrade
    from flows.prefect_runtime.server import deploy_to_server

    upgrade()
    deploy_to_server()


@app.command()
def backfill(
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First session.")],
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last session.")],
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    horizon: Horizon = 30,
    force: Annotated[
        bool, typer.Option("--force", help="Make backfilled bands anew; those issued on their day stay.")
    ] = False,
    json: Json = False,
) -> None:
    """Publish the bands of missed sessions, oldest first, each at most once; run it again to go on."""
    from flows.reporting.printing import print_backfill, summary_json

    asked = parameters(source, csv_dir, tickers, None)
    asked |= {"start": start.date(), "end": end.date(), "horizon": horizon, "force": force}
    del asked["as_of"]
    summary = result("backfill", asked)
    typer.echo(summary_json(summary)) if json else print_backfill(summary)
