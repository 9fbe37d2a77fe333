"""The command line: one file for each command.

Heavy imports stay inside the commands, so that --help is fast.
"""

import atexit
import gc
import os
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.cli import (
    backfill,
    backtest,
    config,
    database,
    deploy,
    doctor,
    exchanges,
    forecast,
    ingest,
    init,
    models,
    notify,
    plot,
    prices,
    replay,
    retrain,
    run,
    serve,
    service,
    show,
    verify,
)
from flows.cli.output import STANDARD_OUTPUT, print_line, require_output
from flows.environment import DOTENV, read_dotenv, read_environment
from flows.failures import format_traceback, hide_secrets, translate_error
from flows.prefect_runtime.telemetry import turn_off_telemetry
from flows.private_files import private_files
from flows.server_access import supply_auth_string
from flows.settings import describe_unknown, find_unknown_variables
from flows.version import code_version
from forecasting.errors import BandcastError, UsageError

_debug: ContextVar[bool] = ContextVar("debug", default=False)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its tables cut the names of options on narrow terminals
    pretty_exceptions_enable=False,
)
for command in (
    init.init,
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
    notify.notify,
    exchanges.exchanges,
):
    app.command()(command)
app.add_typer(database.app, name="db")
app.add_typer(prices.app, name="prices")
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(service.app, name="service")


def _print_version(wanted: bool) -> None:
    """Print the version and end; an eager option needs no command."""
    if wanted:
        print_line(f"bandcast {code_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: ARG001  # its callback has printed and ended
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an error on standard error.")
    ] = False,
) -> None:
    """Forecast bands of stock prices, calibrated to hold."""
    _debug.set(debug)
    if settings := sorted(set(read_dotenv()) - set(os.environ)):
        typer.echo(f"Settings read from {Path(DOTENV).absolute()}: {', '.join(settings)}.", err=True)
    if unknown := find_unknown_variables(read_environment()):
        typer.echo(f"Warning: unknown settings, left out: {describe_unknown(unknown)}.", err=True)


def main() -> None:
    """Run a command; print one sentence for an error, exit with 1 for a failed run and 2 for bad usage."""
    atexit.register(gc.freeze)  # or the end of the process takes a fifth of a second to search for garbage
    turn_off_telemetry(os.environ)
    with private_files():
        try:
            require_output()
            supply_auth_string(os.environ)
            app()
        except BrokenPipeError:
            raise  # the reader has closed the pipe: nobody is left to read a sentence
        except Exception as error:
            _fail(translate_error(_name_output(error)))


def _name_output(error: Exception) -> Exception:
    """Name standard output in an error of printing help, which typer does by itself."""
    if isinstance(error, OSError) and error.filename is None and "--help" in sys.argv:
        error.filename = STANDARD_OUTPUT
    return error


def _fail(error: BandcastError) -> NoReturn:
    if _debug.get():
        typer.echo(format_traceback(error), err=True)
    typer.echo(f"Error: {hide_secrets(str(error))}", err=True)
    sys.exit(2 if isinstance(error, UsageError) else 1)
