"""Forecast: bands from a stored model and stored prices."""

from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.steps.publish import forecast_stored
from flows.summary import RunSummary
from forecasting.types import Retrain


@define_flow("forecast")
def forecast(
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    as_of: form.Day | None = None,
    horizon: form.Horizon = 30,
    dropout_runs: form.DropoutRuns = 0,
    seed: form.Seed = 0,
    success_ratio: form.SuccessRatio = 0,
    retrain: Retrain = "never",
    reissue: bool = False,
) -> RunSummary:
    """Forecast from the prices that the store holds, without fetching any.

    Args:
        tickers: Symbols to forecast, separated by commas or one per entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        source: Source of the stored prices to use.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Session to forecast from; none for the last one closed when the run was due.
        horizon: Sessions ahead, 1 to 30.
        dropout_runs: Monte-Carlo-dropout runs, 2 to 1000; 0 for the configured number.
        seed: Seed of the random streams and of training; 0 for the configured one.
        success_ratio: Least share of tickers forecast, or nothing is published; 0 for the configured one.
        retrain: auto trains first if no model serves or the champion is old.
        reissue: Add an edition to live bands that now differ; the first edition stays.
    """
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir)
    numbers = form.overrides(
        horizon=horizon, dropout_runs=dropout_runs, seed=seed, success_ratio=success_ratio
    )
    with open_flow_context(as_of, reissue=reissue, **universe, **numbers) as context:
        return forecast_stored(context, retrain)
