"""Yahoo Finance through yfinance."""

from flows.sources.yahoo.source import YahooSource

__all__ = ["YahooSource"]
