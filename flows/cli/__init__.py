"""The command line: one file for each command.

Heavy imports stay inside the commands, so that --help is fast.
"""

import os
import sys
from typing import Annotated

import typer

from flows.cli import (
    backfill,
    backtest,
    database,
    deploy,
    doctor,
    exchanges,
    forecast,
    ingest,
    models,
    plot,
    prices,
    replay,
    retrain,
    run,
    serve,
    show,
    verify,
)
from flows.prefect_runtime.telemetry import turn_off_telemetry
from flows.server_access import supply_auth_string
from flows.version import code_version
from forecasting.errors import BandcastError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run.run,
    ingest.ingest,
    retrain.retrain,
    forecast.forecast,
    show.show,
    plot.plot,
    verify.verify,
    replay.replay,
    backtest.backtest,
    serve.serve,
    deploy.deploy,
    backfill.backfill,
    doctor.doctor,
    exchanges.exchanges,
):
    app.command()(command)
app.add_typer(database.app, name="db")
app.add_typer(prices.app, name="prices")
app.add_typer(models.app, name="models")


def _print_version(wanted: bool) -> None:
    """Print the version and end; an eager option needs no command."""
    if wanted:
        typer.echo(f"bandcast {code_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Forecast bands that hold."""


def main() -> None:
    """Run a command; print one sentence for an error, exit with 1 for a failed run and 2 for bad usage."""
    turn_off_telemetry(os.environ)
    try:
        supply_auth_string(os.environ)
        app()
    except BandcastError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
