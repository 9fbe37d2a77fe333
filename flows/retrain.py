"""Retrain: a challenger from the store's prices, promoted if it passes the promotion test."""

from prefect import flow

from flows.prefect_runtime.flow_support import one_sentence, open_flow_context
from flows.prefect_runtime.parameters import Day, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.steps.publish import retrain_model
from flows.summary import RunSummary


@flow(name="retrain", flow_run_name=run_name)
@one_sentence
def retrain(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> RunSummary:
    """Ingest the training universe, train a model on it, and promote it if it passes the promotion test.

    Args:
        tickers: Symbols to train on, as Yahoo writes them; none for the configured universe.
        source: Source of prices.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session that training may see; none for the last one closed when the run was due.
    """
    chosen = overrides(tickers, source, csv_dir)
    with open_flow_context(as_of, train_tickers=chosen["tickers"], **chosen) as context:
        return retrain_model(context)
