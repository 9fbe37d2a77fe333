"""Where prices come from: one protocol, three sources; the flow does not know which."""

from pathlib import Path

from flows.sources.base import PriceSource
from flows.sources.csv_folder import CsvSource
from flows.sources.sample import SampleSource
from flows.sources.yahoo.source import YahooSource
from forecasting.errors import SourceError, UsageError

__all__ = ["SOURCES", "CsvSource", "PriceSource", "SampleSource", "YahooSource", "open_source"]

SOURCES = ("yahoo", "csv", "sample")


def open_source(
    name: str,
    csv_dir: Path | None = None,
    yahoo_url: str | None = None,
    cache_dir: Path | None = None,
    per_second: float = 4.0,
) -> PriceSource:
    """The price source of that name.

    Args:
        name: `yahoo`, `csv` or `sample`.
        csv_dir: Folder of TICKER.csv files; the csv source needs it.
        yahoo_url: Server to ask instead of Yahoo's own hosts.
        cache_dir: Private folder for yfinance's time zones and cookies.
        per_second: Pace of requests to a live source.

    Raises:
        UsageError: There is no source of that name.
        SourceError: The source cannot be used at all.
    """
    if name == "yahoo":
        return YahooSource(yahoo_url, cache_dir, per_second)
    if name == "sample":
        return SampleSource()
    if name != "csv":
        raise UsageError(
            f"Expected one of the sources {', '.join(SOURCES)}, found '{name}'; choose one of them."
        )
    if csv_dir is None:
        raise SourceError("Expected a folder of TICKER.csv files for the csv source, found none; name one.")
    return CsvSource(csv_dir)
