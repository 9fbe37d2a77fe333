"""The bundled sample: five real US shares, 2000 to 2013, as traded."""

import functools
from datetime import date, datetime
from importlib import resources

import pandas as pd

from flows.settings import Settings
from flows.sources.base import PriceSource, build_history, check_symbol
from flows.sources.csv_folder.earnings import EARNINGS_FILE, read_earnings
from flows.sources.earnings import ListedReports
from flows.sources.registry import register
from forecasting.errors import UnknownTickerError
from forecasting.prices.adjustment import derive_actions
from forecasting.prices.history import PriceHistory

WHERE = "the bundled sample"


class SampleSource(PriceSource):
    """Prices from `forecasting/sample/stocks.csv.gz`; their origin is in its README."""

    name = "sample"
    live = False

    def tickers(self) -> tuple[str, ...]:
        """Return the five symbols of the sample."""
        return tuple(_load_frames())

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        """Return the newest session over `tickers`, over the whole sample where none of them is in it."""
        frames = _load_frames()
        chosen = [frames[ticker] for ticker in tickers if ticker in frames] or frames.values()
        last: date = max(frame.index[-1] for frame in chosen).date()
        return last

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """Fetch the as-traded bars of one symbol, with the actions that its adjusted close implies."""
        check_symbol(ticker, WHERE)
        frame = _load_frames().get(ticker)
        if frame is None:
            raise UnknownTickerError(ticker, WHERE)
        actions = derive_actions(frame["close"], frame["adj_close"])
        return build_history(ticker, frame, actions, start=start, end=end, where=WHERE)

    def earnings(self) -> ListedReports:
        """Return the reports of the five symbols."""
        return _load_earnings()


@register("sample")
def open_sample(settings: Settings, now: datetime) -> PriceSource:  # noqa: ARG001  # it is always the same
    """Open the bundled sample."""
    return SampleSource()


@functools.cache
def _load_earnings() -> ListedReports:
    packed = resources.files("forecasting").joinpath("sample", EARNINGS_FILE)
    with resources.as_file(packed) as path:
        return read_earnings(path, "sample")


@functools.cache
def _load_frames() -> dict[str, pd.DataFrame]:
    """Load symbol -> frame by day, once in a process."""
    packed = resources.files("forecasting").joinpath("sample", "stocks.csv.gz")
    with packed.open("rb") as stream:
        table = pd.read_csv(stream, compression="gzip", parse_dates=["Date"])
    table.columns = table.columns.str.lower().str.replace(" ", "_")
    return {str(ticker): rows.set_index("date") for ticker, rows in table.groupby("ticker")}
