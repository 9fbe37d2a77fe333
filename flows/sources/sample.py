"""The bundled sample: five real US shares, 2000 to 2013, as traded."""

import functools
from datetime import date
from importlib import resources

import pandas as pd

from flows.sources.base import check_symbol, checked_history
from forecasting.errors import UnknownTickerError
from forecasting.prices.adjustment import actions_from_adjusted_close
from forecasting.prices.history import PriceHistory

WHERE = "the bundled sample"


class SampleSource:
    """Prices from `forecasting/sample/stocks.csv.gz`; its README tells where they come from."""

    name = "sample"

    def tickers(self) -> tuple[str, ...]:
        """The five symbols of the sample."""
        return tuple(_frames())

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        """The newest session held over `tickers`, over all of the sample where none of them is in it."""
        frames = _frames()
        held = [frames[ticker] for ticker in tickers if ticker in frames] or frames.values()
        last: date = max(frame.index[-1] for frame in held).date()
        return last

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """As-traded bars of one symbol, with the actions that its adjusted close implies."""
        frame = _frames().get(check_symbol(ticker, WHERE))
        if frame is None:
            raise UnknownTickerError(ticker, WHERE)
        actions = actions_from_adjusted_close(frame["close"], frame["adj_close"])
        return checked_history(ticker, frame, actions, (start, end), WHERE)


@functools.cache
def _frames() -> dict[str, pd.DataFrame]:
    """Symbol -> frame by day; parsed once a process."""
    packed = resources.files("forecasting").joinpath("sample", "stocks.csv.gz")
    with packed.open("rb") as stream:
        table = pd.read_csv(stream, compression="gzip", parse_dates=["Date"])
    table.columns = table.columns.str.lower().str.replace(" ", "_")
    return {str(ticker): rows.set_index("date") for ticker, rows in table.groupby("ticker")}
