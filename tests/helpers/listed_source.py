"""Yahoo's source over a listing in memory: everything but HTTP and the client's own frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from json import dumps
from typing import TYPE_CHECKING, cast

import pandas as pd
from yahoo_imitation import Listing

from flows.sources.yahoo.chart import Chart
from flows.sources.yahoo.source import YahooSource, _read_answer

if TYPE_CHECKING:
    from flows.sources.yahoo.session import YahooSession

FOREVER = 2**40


@dataclass(frozen=True)
class Answer:
    """What the source keeps of a response."""

    content: bytes


@dataclass(frozen=True)
class Answered:
    """A session after its request."""

    answer: Answer


class ListedSource(YahooSource):
    """Prices of listings by symbol, read as Yahoo's answers are."""

    def __init__(self, listings: Mapping[str, Listing]) -> None:
        super().__init__()
        self.listings = listings

    def _download(self, ticker: str, start: date) -> tuple[pd.DataFrame, Chart]:
        listing = self.listings[ticker]
        result = listing.result((listing.stamp(start), FOREVER))
        result["meta"] = {"symbol": ticker} | result["meta"]
        body = dumps({"chart": {"result": [result], "error": None}}).encode()
        chart = _read_answer(ticker, cast("YahooSession", Answered(Answer(body))))
        return build_frame(result), chart


def build_frame(result: dict[str, object]) -> pd.DataFrame:
    """The frame that yfinance makes of a result: rows without a close stay, volume is never missing."""
    quote = cast("dict[str, dict[str, list[dict[str, list[float]]]]]", result)["indicators"]["quote"][0]
    meta = cast("dict[str, str]", result["meta"])
    stamps = pd.to_datetime(pd.Series(cast("list[int]", result["timestamp"])), unit="s", utc=True)
    days = pd.DatetimeIndex(stamps).tz_convert(meta["exchangeTimezoneName"]).normalize()
    frame = pd.DataFrame({name.title(): values for name, values in quote.items()}, days, dtype=float)
    frame["Volume"] = frame["Volume"].fillna(0.0)
    return frame[~frame.index.duplicated(keep="last")]
