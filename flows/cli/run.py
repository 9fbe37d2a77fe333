"""`bandcast run`."""

from typing import Annotated

import typer

from flows.cli.flow_runs import run_flow
from flows.cli.options import AsOf, CsvDir, Horizon, Json, Reissue, Source, Tickers, build_parameters, to_day
from forecasting.types import Retrain


def run(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    as_of: AsOf = None,
    horizon: Horizon = 30,
    retrain: Annotated[Retrain, typer.Option(help="Whether to train first.")] = "auto",
    reissue: Reissue = False,
    json: Json = False,
) -> None:
    """Run the daily job: pull prices, train where needed, forecast, store, report."""
    parameters = build_parameters(source, csv_dir, tickers)
    run_flow(
        "daily",
        json=json,
        **parameters,
        as_of=to_day(as_of),
        horizon=horizon,
        retrain=retrain,
        force=True,
        reissue=reissue,
    )
