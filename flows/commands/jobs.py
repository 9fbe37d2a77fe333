"""The flows as commands."""

from importlib import import_module
from typing import Annotated, Any

import typer

from flows.commands.options import AsOf, CsvDir, Horizon, Json, RetrainChoice, Source, Tickers, parameters

app = typer.Typer()


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
    asked = parameters(source, csv_dir, tickers, as_of)
    tell(result("daily", {**asked, "horizon": horizon, "retrain": retrain.value, "force": True}), json)


@app.command()
def ingest(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Bring the price store up to date."""
    tell(result("ingest", parameters(source, csv_dir, tickers, as_of)), json)


@app.command()
def retrain(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Pull prices, train a new model and promote it."""
    tell(result("retrain", parameters(source, csv_dir, tickers, as_of)), json)


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
    tell(result("forecast", {**parameters(source, csv_dir, tickers, as_of), "horizon": horizon}), json)


def result(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the flow of that name returned; its own errors are raised again."""
    from flows.prefect_runtime.warm_up_server import wake_server

    wait_for_server = wake_server()
    flow = getattr(import_module(f"flows.{name}"), name)  # takes seconds, most of them torch
    wait_for_server()
    state = flow(**asked, return_state=True)
    returned = state.result(raise_on_failure=False)
    if isinstance(returned, BaseException):
        raise returned
    summary: dict[str, Any] = returned
    return summary


def tell(summary: dict[str, Any], json: bool) -> None:
    """Print a run's summary."""
    from flows.reporting.printing import print_summary, summary_json

    typer.echo(summary_json(summary)) if json else print_summary(summary)
