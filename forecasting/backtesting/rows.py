"""From what was issued and what happened to the rows that anyone can score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.backtesting.issue import Issued
from forecasting.evaluation.panel import COLUMNS
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats, PriceBasis


@dataclass(frozen=True)
class Outcomes:
    """Log closes by ticker on one basis: a split or dividend in between is no return."""

    closes: Mapping[str, tuple[np.ndarray, Floats]]  # (T,) sessions and (T,) log closes

    @classmethod
    def of(cls, histories: Mapping[str, PriceHistory], basis: PriceBasis) -> "Outcomes":
        """Of everything that the histories hold."""
        closes = {name: adjust(one, one.last_session, basis)["close"] for name, one in histories.items()}
        return cls.of_log_closes({name: np.log(close) for name, close in closes.items()})

    @classmethod
    def of_log_closes(cls, closes: Mapping[str, pd.Series]) -> "Outcomes":
        """Of series by session."""
        return cls(
            {
                name: (one.index.to_numpy("datetime64[D]"), one.to_numpy(np.float64))
                for name, one in closes.items()
            }
        )

    def after(self, issued: Issued) -> Floats:
        """(N, H) cumulative log returns from the origin to each target; NaN where that has no bar (yet)."""
        if not issued.tickers:
            return np.empty((0, 0))
        targets = np.array(issued.targets, "datetime64[D]")  # (N, H)
        origin = np.datetime64(issued.origin, "D")
        happened = [
            self._closes(ticker, days) - self._closes(ticker, origin)
            for ticker, days in zip(issued.tickers, targets, strict=True)
        ]
        return np.stack(happened)

    def _closes(self, ticker: str, days: "np.ndarray | np.datetime64") -> Floats:
        sessions, closes = self.closes[ticker]
        place = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
        found: Floats = np.where(sessions[place] == days, closes[place], np.nan)
        return found


def rows_of(
    issued: Sequence[Issued], outcomes: Outcomes, horizons: Sequence[int], levels: Sequence[float]
) -> pd.DataFrame:
    """One row per ticker, as_of, horizon, method and level, in that order, with what happened.

    A method without a forecast of a ticker has no rows of it; an outcome that is not known yet is NaN.
    """
    methods = tuple(dict.fromkeys(name for one in issued for name in one.quantiles))
    tickers = tuple(dict.fromkeys(ticker for one in issued for ticker in one.tickers))
    blocks = [_block(one, outcomes.after(one), methods, tickers) for one in issued if one.tickers]
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    ticker, as_of, target, horizon, method, level, log_return, actual = columns
    frame = pd.DataFrame(
        {
            "ticker": pd.Categorical.from_codes(ticker, list(tickers)),
            "as_of": as_of,
            "target_session": target,
            "horizon": np.asarray(horizons, np.int8)[horizon],
            "method": pd.Categorical.from_codes(method, list(methods)),
            "level": np.asarray(levels)[level],
            "log_return": log_return,
            "actual_log_return": actual,
        },
        columns=list(COLUMNS),
    )
    return frame[frame["log_return"].notna()].reset_index(drop=True)


def _block(
    issued: Issued, happened: Floats, methods: Sequence[str], tickers: Sequence[str]
) -> tuple[np.ndarray, ...]:
    """Columns of one origin, each of N x H x P x Q values; categories, horizons and levels as places."""
    absent = np.full_like(issued.quantiles["predictive"], np.nan)
    cube = np.stack([issued.quantiles.get(name, absent) for name in methods], axis=2)  # (N, H, P, Q)
    row, horizon, method, level = (axis.ravel() for axis in np.indices(cube.shape, dtype=np.int16))
    names = np.array([tickers.index(ticker) for ticker in issued.tickers], np.int16)
    targets = np.array(issued.targets, "datetime64[s]")  # (N, H)
    return (
        names[row],
        np.full(cube.size, np.datetime64(issued.origin, "s")),
        targets[row, horizon],
        horizon,
        method,
        level,
        cube.ravel(),
        happened[row, horizon],
    )
