"""The command line. Heavy imports stay inside the commands, so that --help answers at once."""

import sys
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from forecasting.errors import BandcastError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forecast bands that hold.",
)
database = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(database, name="db")
prices = typer.Typer(no_args_is_help=True, help="The price store.")
app.add_typer(prices, name="prices")


class SourceChoice(StrEnum):
    """Where prices can come from."""

    sample = "sample"
    csv = "csv"
    yahoo = "yahoo"


class RetrainChoice(StrEnum):
    """When to train."""

    auto = "auto"
    always = "always"
    never = "never"


Source = Annotated[
    SourceChoice | None, typer.Option(help="Where prices come from. [default: BANDCAST_SOURCE, yahoo]")
]
CsvDir = Annotated[Path | None, typer.Option(help="Folder of TICKER.csv files, for --source csv.")]
Tickers = Annotated[
    str, typer.Option(help="Symbols, with commas between. [default: BANDCAST_TICKERS, or all]")
]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Session to forecast from. [default: the last closed]"),
]
Horizon = Annotated[int, typer.Option(min=1, max=30, help="Sessions ahead.")]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, all else on standard error.")
]


@app.command()
def run(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    horizon: Horizon = 30,
    retrain: Annotated[RetrainChoice, typer.Option(help="Whether to train first.")] = RetrainChoice.auto,
    json: Json = False,
) -> None:
    """Run the daily job: pull prices, train where needed, forecast, store, report."""
    parameters = _parameters(source, csv_dir, tickers, as_of)
    _tell(_result("daily", {**parameters, "horizon": horizon, "retrain": retrain.value}), json)


@app.command()
def ingest(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Bring the price store up to date."""
    _tell(_result("ingest", _parameters(source, csv_dir, tickers, as_of)), json)


@app.command()
def retrain(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Pull prices, train a new model and promote it."""
    _tell(_result("retrain", _parameters(source, csv_dir, tickers, as_of)), json)


@app.command()
def forecast(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    horizon: Horizon = 30,
    json: Json = False,
) -> None:
    """Forecast with the stored model from the stored prices."""
    _tell(_result("forecast", {**_parameters(source, csv_dir, tickers, as_of), "horizon": horizon}), json)


@app.command()
def show(
    tickers: Tickers = "",
    every: Annotated[
        bool, typer.Option("--all", help="Every horizon, not only 1, 5, 10, 20 and 30.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the newest bands in the store."""
    from flows.printing import bands_json, print_bands, stored_bands

    bands = stored_bands(tickers, every=every)
    typer.echo(bands_json(bands)) if json else print_bands(bands)


@app.command()
def plot(
    tickers: Tickers = "",
    out: Annotated[
        Path | None, typer.Option(help="Where the PNG goes. [default: plots/ in BANDCAST_HOME]")
    ] = None,
) -> None:
    """Draw fan charts of the newest bands; prints the path of the PNG."""
    from flows.bands import plot_bands
    from flows.settings import load_settings

    settings = load_settings(tickers=tickers or None)
    typer.echo(plot_bands(settings, settings.tickers, out))


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on 127.0.0.1.")
    ] = 4200,
) -> None:
    """Serve the daily and the weekly flow on schedule, with a Prefect server where none is configured."""
    from flows.serving import serve_flows

    serve_flows(port)


@database.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    from db.engine import open_engine
    from db.migrate import head
    from db.migrate import upgrade as migrate
    from flows.settings import load_settings

    migrate(open_engine(load_settings().url))
    typer.echo(f"The database is at migration {head()}.")


@prices.command()
def status(source: Source = None, tickers: Tickers = "", json: Json = False) -> None:
    """Show what the store holds of each ticker: sessions, gaps, corrections, quarantine."""
    from flows.price_store import price_status, print_status, status_json
    from flows.settings import load_settings

    settings = load_settings(source=source.value if source else None, tickers=tickers or None)
    statuses = price_status(settings)
    typer.echo(status_json(statuses)) if json else print_status(statuses)


@prices.command(name="show")
def show_prices(
    ticker: Annotated[str, typer.Argument(help="The symbol.")],
    source: Source = None,
    sessions: Annotated[int, typer.Option(min=1, help="How many of the last sessions.")] = 20,
    json: Json = False,
) -> None:
    """Show a ticker's last bars as traded, its splits and dividends, and every correction."""
    from flows.price_store import prices_json, print_prices, stored_prices

    stored = stored_prices(ticker, source.value if source else None, sessions)
    typer.echo(prices_json(stored)) if json else print_prices(stored)


def main() -> None:
    """Run a command; one sentence for what went wrong, exit code 1 for a failed job, 2 for bad usage."""
    try:
        app()
    except BandcastError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)


def _parameters(
    source: SourceChoice | None, csv_dir: Path | None, tickers: str, as_of: datetime | None
) -> dict[str, Any]:
    return {
        "source": source.value if source else None,
        "csv_dir": str(csv_dir) if csv_dir else None,
        "tickers": tickers.split(",") if tickers else None,
        "as_of": as_of.date() if as_of else None,
    }


def _result(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """What a flow returned; its own errors are raised again."""
    from flows.ahead import wake_server

    wait_for_server = wake_server()
    flow = getattr(import_module(f"flows.{name}"), name)  # takes seconds, most of them torch
    wait_for_server()
    state = flow(**parameters, return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    summary: dict[str, Any] = result
    return summary


def _tell(summary: dict[str, Any], json: bool) -> None:
    from flows.printing import print_summary, summary_json

    typer.echo(summary_json(summary)) if json else print_summary(summary)
