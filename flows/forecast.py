"""Forecast: bands from a stored model and stored prices."""

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.prefect_runtime.flow_support import one_sentence, open_flow_context
from flows.prefect_runtime.parameters import Day, Horizon, Source, Symbols, overrides
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
    retrain: Retrain = "never",
    reissue: bool = False,
) -> RunSummary:
    """Forecast from the prices that the store holds, without fetching any.

    Args:
        tickers: Symbols to forecast, as Yahoo writes them; none for the configured universe.
        source: Source of the stored prices to use.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Session to forecast from; none for the last one closed when the run was due.
        horizon: Sessions ahead, 1 to 30.
        retrain: Whether to train first.
        reissue: Add an edition to bands issued on their day that come out otherwise.
    """
    chosen = overrides(tickers, source, csv_dir, horizon=horizon)
    with open_flow_context(as_of, reissue=reissue, **chosen) as context:
        return forecast_stored(context, retrain)
