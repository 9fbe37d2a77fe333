"""`bandcast run`."""

from typing import Annotated

import typer

from flows.cli import options
from flows.cli.flow_runs import run_flow
from forecasting.types import Retrain


def run(
    source: options.Source = None,
    csv_dir: options.CsvDir = None,
    tickers: options.Tickers = None,
    as_of: options.AsOf = None,
    horizon: options.Horizon = 30,
    retrain: Annotated[
        Retrain, typer.Option(help="Train first: where a model is due, always or never.")
    ] = "auto",
    train_tickers: options.TrainTickers = None,
    dropout_runs: options.DropoutRuns = None,
    seed: options.Seed = None,
    success_ratio: options.SuccessRatio = None,
    reissue: options.Reissue = False,
    json: options.Json = False,
) -> None:
    """Run the daily job: ingest, train if needed, forecast, publish."""
    run_flow(
        "daily",
        json=json,
        source=source,
        csv_dir=csv_dir,
        tickers=tickers,
        as_of=as_of,
        horizon=horizon,
        retrain=retrain,
        train_tickers=train_tickers,
        dropout_runs=dropout_runs,
        seed=seed,
        success_ratio=success_ratio,
        force=True,
        reissue=reissue,
    )
