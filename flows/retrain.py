"""Retrain: a challenger from the store's prices, promoted if it passes the promotion test."""

from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.steps.publish import retrain_model
from flows.summary import RunSummary


@define_flow("retrain")
def retrain(
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    as_of: form.Day | None = None,
    train_tickers: form.Symbols = [],  # noqa: B006  # likewise
    seed: form.Seed = 0,
    epochs: form.Epochs = 0,
) -> RunSummary:
    """Ingest the training universe, train a model on it, and promote it if it passes the promotion test.

    Args:
        tickers: Symbols of the run, separated by commas or one per entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        train_tickers: Symbols to train on, likewise; none for those of the run, if any are given, else
            for the configured training universe.
        source: Source of prices.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Last session that training may see; none for the last one closed when the run was due.
        seed: Seed of training and of the promotion test's random streams; 0 for the configured ones.
        epochs: Most epochs of training; 0 for the configured number.
    """
    trained = train_tickers or tickers
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir, train_tickers=trained)
    with open_flow_context(as_of, **universe, **form.overrides(seed=seed, epochs=epochs)) as context:
        return retrain_model(context)
