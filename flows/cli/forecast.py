"""`bandcast forecast`."""

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
    build_numbers,
    build_parameters,
    to_day,
)


def forecast(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    as_of: AsOf = None,
    horizon: Horizon = 30,
    dropout_runs: DropoutRuns = None,
    seed: Seed = None,
    success_ratio: SuccessRatio = None,
    reissue: Reissue = False,
    json: Json = False,
) -> None:
    """Forecast with the stored model from the stored prices."""
    parameters = build_parameters(source, csv_dir, tickers)
    parameters |= build_numbers(dropout_runs, seed, success_ratio)
    run_flow("forecast", json=json, **parameters, as_of=to_day(as_of), horizon=horizon, reissue=reissue)
