"""`bandcast ingest`."""

from flows.cli.flow_runs import run_flow
from flows.cli.options import AsOf, CsvDir, Json, Source, Tickers, build_parameters, to_day


def ingest(
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Bring the price store up to date."""
    run_flow("ingest", json=json, **build_parameters(source, csv_dir, tickers), as_of=to_day(as_of))
