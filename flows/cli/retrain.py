"""`bandcast retrain`."""

from flows.cli.flow_runs import run_flow
from flows.cli.options import (
    AsOf,
    CsvDir,
    Epochs,
    Json,
    Seed,
    Source,
    Tickers,
    TrainTickers,
    build_parameters,
    list_symbols,
    to_day,
)


def retrain(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    as_of: AsOf = None,
    train_tickers: TrainTickers = None,
    seed: Seed = None,
    epochs: Epochs = None,
    json: Json = False,
) -> None:
    """Ingest prices, train a model and promote it if the promotion test passes."""
    run_flow(
        "retrain",
        json=json,
        **build_parameters(source, csv_dir, tickers),
        as_of=to_day(as_of),
        train_tickers=list_symbols(train_tickers),
        seed=seed or 0,
        epochs=epochs or 0,
    )
