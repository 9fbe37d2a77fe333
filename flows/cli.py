"""The command line. Heavy imports stay inside the commands, so that --help answers at once."""

import os
import sys

import typer

from flows.commands import backtest, bands, database, health, jobs, models, outcomes, prices, serving
from flows.prefect_runtime.telemetry import turn_off_telemetry
from forecasting.errors import BandcastError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forecast bands that hold.",
)
for commands in (jobs, bands, outcomes, backtest, serving, health):
    app.add_typer(commands.app)  # without a name its commands become the program's own
app.add_typer(database.app, name="db")
app.add_typer(prices.app, name="prices")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run a command; one sentence for what went wrong, exit code 1 for a failed job, 2 for bad usage."""
    turn_off_telemetry(os.environ)
    try:
        app()
    except BandcastError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
