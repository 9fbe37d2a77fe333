"""`bandcast retrain`."""

from flows.cli import options
from flows.cli.flow_runs import run_flow


def retrain(
    source: options.Source = None,
    csv_dir: options.CsvDir = None,
    tickers: options.Tickers = None,
    as_of: options.LastSeen = None,
    train_tickers: options.TrainTickers = None,
    seed: options.Seed = None,
    epochs: options.Epochs = None,
    json: options.Json = False,
) -> None:
    """Ingest prices and train a model. Promote it if the promotion test passes."""
    run_flow(
        "retrain",
        json=json,
        source=source,
        csv_dir=csv_dir,
        tickers=tickers,
        as_of=as_of,
        train_tickers=train_tickers,
        seed=seed,
        epochs=epochs,
    )
