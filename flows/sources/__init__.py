"""Price sources: one protocol, and one file for each source; flows do not know which is configured."""

from flows.sources.base import PriceSource
from flows.sources.csv_folder import CsvSource
from flows.sources.registry import SOURCES, open_source
from flows.sources.sample import SampleSource
from flows.sources.yahoo import YahooSource

__all__ = ["SOURCES", "CsvSource", "PriceSource", "SampleSource", "YahooSource", "open_source"]
