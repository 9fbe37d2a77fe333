"""A folder of CSV files, one for each ticker."""

from flows.sources.csv_folder.source import CsvSource

__all__ = ["CsvSource"]
