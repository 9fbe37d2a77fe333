"""`bandcast forecast`."""

from flows.cli import options
from flows.cli.flow_runs import run_flow


def forecast(
    source: options.Source = None,
    csv_dir: options.CsvDir = None,
    tickers: options.Tickers = None,
    as_of: options.AsOf = None,
    horizon: options.Horizon = 30,
    dropout_runs: options.DropoutRuns = None,
    seed: options.Seed = None,
    success_ratio: options.SuccessRatio = None,
    reissue: options.Reissue = False,
    json: options.Json = False,
) -> None:
    """Forecast with the stored model from the stored prices."""
    run_flow(
        "forecast",
        json=json,
        source=source,
        csv_dir=csv_dir,
        tickers=tickers,
        as_of=as_of,
        horizon=horizon,
        dropout_runs=dropout_runs,
        seed=seed,
        success_ratio=success_ratio,
        reissue=reissue,
    )
