"""The stored bands, as rows and as fan charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from db.engine import reading
from db.repositories.forecasts import ForecastRepository
from db.repositories.prices import PriceRepository
from flows.context import store
from flows.settings import Settings
from forecasting.errors import UsageError
from forecasting.prices.adjustment import adjust

HORIZONS = (1, 5, 10, 20, 30)


def latest(
    settings: Settings, tickers: Sequence[str] | None = None, until: date | None = None
) -> pd.DataFrame:
    """The newest bands of some tickers (None: of all) up to a session, as view `latest_forecast` has them."""
    with reading(store(settings.url)) as connection:
        return ForecastRepository(connection).latest(tickers, until)


def at_main_horizons(bands: pd.DataFrame) -> pd.DataFrame:
    """The rows that a person reads first."""
    return bands[bands["horizon"].isin(HORIZONS)]


@dataclass(frozen=True)
class Drawing:
    """What fan charts are drawn from: bands of some tickers, and closes in the same units."""

    bands: pd.DataFrame
    closes: dict[str, pd.Series]
    as_of: date


def drawing(settings: Settings, tickers: Sequence[str], until: date | None = None) -> Drawing:
    """The newest bands of some tickers (none named: all) up to a session.

    Raises:
        UsageError: The store holds no forecast of them.
    """
    with reading(store(settings.url)) as connection:
        forecasts = ForecastRepository(connection)
        newest = forecasts.newest(tickers or None, until)
        if not newest:
            raise UsageError(nothing_stored(tickers, until))
        bands = pd.concat([forecasts.bands(ticker, as_of) for ticker, as_of, _ in newest])
        closes = {
            ticker: _closes(PriceRepository(connection, source), ticker, as_of)
            for ticker, as_of, source in newest
        }
    return Drawing(bands, closes, max(as_of for _, as_of, _ in newest))


def nothing_stored(tickers: Sequence[str], until: date | None) -> str:
    """The sentence of a store without bands of these tickers (none named: of any) up to a session."""
    wanted = ", ".join(tickers) or "any ticker"
    limit = f" up to {until}" if until else ""
    return f"Expected a stored forecast of {wanted}{limit}, found none; run `bandcast run` first."


def plot_bands(
    settings: Settings, tickers: Sequence[str], out: Path | None = None, until: date | None = None
) -> Path:
    """Draw the newest bands of some tickers (none named: all) up to a session; the path of the PNG.

    Raises:
        UsageError: The store holds no forecast of them.
    """
    drawn = drawing(settings, tickers, until)
    from flows.reporting.charts import fan_chart  # matplotlib takes a second to import

    path = settings.home.absolute() / "plots" / f"fan-{drawn.as_of}.png"
    return fan_chart(drawn.bands, drawn.closes, out or path)


def _closes(prices: PriceRepository, ticker: str, as_of: date) -> pd.Series:
    return adjust(prices.load(ticker, as_of), as_of, "split_adjusted")["close"]
