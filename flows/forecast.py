"""Forecast: bands from a stored model and stored prices."""

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.prefect_runtime.flow_support import one_sentence, open_flow_context
from flows.prefect_runtime.parameters import (
    Day,
    DropoutRuns,
    Horizon,
    Seed,
    Source,
    SuccessRatio,
    Symbols,
    number_overrides,
    overrides,
)
from flows.prefect_runtime.run_names import run_name
from flows.steps.publish import forecast_stored
from flows.summary import RunSummary
from forecasting.types import Retrain


@flow(name="forecast", flow_run_name=run_name, task_runner=ThreadPoolTaskRunner(max_workers=4))  # type: ignore[arg-type]  # Prefect's stub wants an instance of an unbound generic
@one_sentence
def forecast(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
    horizon: Horizon = 30,
    dropout_runs: DropoutRuns = 0,
    seed: Seed = 0,
    success_ratio: SuccessRatio = 0,
    retrain: Retrain = "never",
    reissue: bool = False,
) -> RunSummary:
    """Forecast from the prices that the store holds, without fetching any.

    Args:
        tickers: Symbols to forecast, with commas between or one an entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        source: Source of the stored prices to use.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Session to forecast from; none for the last one closed when the run was due.
        horizon: Sessions ahead, 1 to 30.
        dropout_runs: Monte-Carlo-dropout runs, 2 to 1000; 0 for the configured number.
        seed: Of the random streams, and of a model that is trained; 0 for the configured one.
        success_ratio: Share of tickers under which nothing is published; 0 for the configured one.
        retrain: Whether to train first.
        reissue: Add an edition to bands issued on their day that come out otherwise.
    """
    chosen = overrides(tickers, source, csv_dir, horizon=horizon)
    chosen |= number_overrides(dropout_runs, seed, success_ratio)
    with open_flow_context(as_of, reissue=reissue, **chosen) as context:
        return forecast_stored(context, retrain)
