"""Synthetic prices with clustered volatility, and the daily returns made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from forecasting.features.preparation import prepare_returns
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.types import Floats

AS_OF = date(2024, 6, 5)
PRICES = ["open", "high", "low", "close"]


def draw_clustered_returns(sessions: int, rng: np.random.Generator) -> Floats:
    """GARCH(1,1) log returns, about 1.6 % a session."""
    variance, returns = 2.5e-4, np.empty(sessions)
    for session, shock in enumerate(rng.standard_normal(sessions)):
        returns[session] = np.sqrt(variance) * shock
        variance = 5e-6 + 0.14 * returns[session] ** 2 + 0.84 * variance
    return returns


def make_history(ticker: str, sessions: int, seed: int, frequency: str = "B") -> PriceHistory:
    """Bars up to AS_OF, without actions."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(end=AS_OF, periods=sessions, freq=frequency)
    close = 100 * np.exp(np.cumsum(draw_clustered_returns(sessions, rng)))
    opened = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, 0.004, sessions))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.005, sessions)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.005, sessions)))
    volume = 1e6 * np.exp(rng.normal(0, 1.5, sessions))
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return PriceHistory(ticker, as_bars(pd.DataFrame(columns, index=index)), make_actions())


def make_returns(ticker: str, sessions: int, seed: int) -> DailyReturns:
    """Split-adjusted daily returns of `make_history`."""
    return compute_daily_returns(make_history(ticker, sessions, seed), "split_adjusted")


def make_actions(
    splits: Mapping[date, float] | None = None, dividends: Mapping[date, float] | None = None
) -> pd.DataFrame:
    """Actions by ex-date."""
    columns = {"split": pd.Series(splits or {}), "dividend": pd.Series(dividends or {})}
    frame = pd.DataFrame(columns, dtype=float).sort_index()
    return as_actions(frame.set_axis(pd.DatetimeIndex(frame.index)))


def returns_of_closes(closes: Sequence[float] | Floats, ticker: str = "A") -> DailyReturns:
    """Daily returns of bars that have nothing but closes, so that ranges fall back on them."""
    index = pd.bdate_range(end=AS_OF, periods=len(closes))
    bars = as_bars(pd.DataFrame({"close": closes}, index=index))
    return compute_daily_returns(PriceHistory(ticker, bars, make_actions()), "split_adjusted")


def returns_of_steps(log_returns: Floats, ticker: str = "A") -> DailyReturns:
    """Daily returns of bars whose closes make these log returns, the first close before them."""
    return returns_of_closes(100 * np.exp(np.append(0.0, np.cumsum(log_returns))), ticker)


def prepare_all(histories: Iterable[PriceHistory]) -> list[DailyReturns]:
    """Split-adjusted daily returns of each history."""
    return [prepare_returns(history, "split_adjusted") for history in histories]


def scale_after(history: PriceHistory, session: date, factor: float | Floats) -> PriceHistory:
    """The same prices up to a session, and multiplied ones later."""
    bars = history.bars.copy()
    later = bars.index > pd.Timestamp(session)
    bars.loc[later, PRICES] = bars.loc[later, PRICES].mul(factor, axis=0)
    return replace(history, bars=bars)


def ignore_epoch(_epoch: int, _losses: dict[str, float]) -> None:
    """Report nothing of a fit."""
