"""`bandcast ingest`."""

from flows.cli import options
from flows.cli.flow_runs import run_flow


def ingest(
    source: options.Source = None,
    csv_dir: options.CsvDir = None,
    tickers: options.Tickers = None,
    as_of: options.LastFetched = None,
    json: options.Json = False,
) -> None:
    """Bring the price store up to date."""
    run_flow("ingest", json=json, source=source, csv_dir=csv_dir, tickers=tickers, as_of=as_of)
