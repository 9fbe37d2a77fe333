"""The command line. Heavy imports stay inside the commands, so that --help answers at once."""

import sys
from typing import Annotated

import typer

from flows.commands import backtest, bands, database, health, jobs, models, outcomes, prices, serving
from flows.version import code_version
from forecasting.errors import BandcastError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for commands in (jobs, bands, outcomes, backtest, serving, health):
    app.add_typer(commands.app)  # without a name its commands become the program's own
app.add_typer(database.app, name="db")
app.add_typer(prices.app, name="prices")
app.add_typer(models.app, name="models")


def print_version(wanted: bool) -> None:
    """Print the version and end; an eager option needs no command."""
    if wanted:
        typer.echo(f"bandcast {code_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Forecast bands that hold."""


def main() -> None:
    """Run a command; one sentence for what went wrong, exit code 1 for a failed job, 2 for bad usage."""
    try:
        app()
    except BandcastError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
