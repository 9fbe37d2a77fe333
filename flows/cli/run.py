"""`bandcast run`."""

from typing import Annotated

import typer

from flows.cli.flow_runs import run_flow
from flows.cli.options import (
    AsOf,
    CsvDir,
    DropoutRuns,
    Horizon,
    Json,
    Reissue,
    Seed,
    Source,
    SuccessRatio,
    Tickers,
    TrainTickers,
    build_numbers,
    build_parameters,
    list_symbols,
    to_day,
)
from forecasting.types import Retrain


def run(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    as_of: AsOf = None,
    horizon: Horizon = 30,
    retrain: Annotated[Retrain, typer.Option(help="Whether to train first.")] = "auto",
    train_tickers: TrainTickers = None,
    dropout_runs: DropoutRuns = None,
    seed: Seed = None,
    success_ratio: SuccessRatio = None,
    reissue: Reissue = False,
    json: Json = False,
) -> None:
    """Run the daily job: ingest prices, train where needed, forecast, publish, report."""
    parameters = build_parameters(source, csv_dir, tickers)
    parameters |= build_numbers(dropout_runs, seed, success_ratio)
    run_flow(
        "daily",
        json=json,
        **parameters,
        as_of=to_day(as_of),
        horizon=horizon,
        retrain=retrain,
        train_tickers=list_symbols(train_tickers),
        force=True,
        reissue=reissue,
    )
