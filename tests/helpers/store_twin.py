"""What a store of two tickers must hold after any runs, in plain Python."""

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_args

import numpy as np
import pandas as pd

from forecasting.forecast import Forecast
from forecasting.types import Band, RunKind

TICKERS = ("AAA", "BBB")
SESSIONS = [day.date() for day in pd.bdate_range("2024-01-02", periods=14)]
EDGES = (-1.0, 0.0, 1.0)
Key = tuple[str, date]


@dataclass(frozen=True)
class Bands:
    """Bands of one ticker as the twin remembers them.

    Attributes:
        kind: live or backfill.
        anchor: Close of the session that they start from, when they were issued.
        width: Log return from the median to an edge.
        horizon: Number of sessions ahead.
    """

    kind: RunKind
    anchor: float
    width: float
    horizon: int

    def is_same(self, other: "Bands") -> bool:
        """Return whether others are the same bands, whatever run they are of."""
        return (self.anchor, self.width, self.horizon) == (other.anchor, other.width, other.horizon)


@dataclass
class Twin:
    """What a store must hold.

    Attributes:
        closes: Ticker -> session -> close.
        bands: Ticker and `as_of` -> its bands.
        editions: Ticker and `as_of` -> bands that reissues have added, in their order.
        universe: Ticker -> newest session of a run that had it.
    """

    closes: dict[str, dict[date, float]] = field(default_factory=lambda: {ticker: {} for ticker in TICKERS})
    bands: dict[Key, Bands] = field(default_factory=dict)
    editions: dict[Key, list[Bands]] = field(default_factory=dict)
    universe: dict[str, date] = field(default_factory=dict)

    def publish(self, session: date, bands: dict[str, Bands], *, reissue: bool = False) -> None:
        """Remember bands; live ones stay as they are, and a reissue adds an edition to them."""
        for ticker, new in bands.items():
            key = ticker, session
            known = self.bands.get(key)
            if known is None or (known.kind == "backfill" and not known.is_same(new)):
                self.bands[key] = new
            elif known.kind == "live" and reissue and not self.newest(key).is_same(new):
                self.editions.setdefault(key, []).append(new)
            self.universe[ticker] = max(session, self.universe.get(ticker, session))

    def newest(self, key: Key) -> Bands:
        """Return the newest edition of some bands."""
        return [self.bands[key], *self.editions.get(key, [])][-1]

    def latest(self) -> set[tuple[Any, ...]]:
        """Compute the rows of view `latest_forecast`: ticker, as_of, horizon, kind, edition."""
        newest = max(self.universe.values(), default=None)
        members = [ticker for ticker, session in self.universe.items() if session == newest]
        sessions = {ticker: max(day for name, day in self.bands if name == ticker) for ticker in members}
        return {
            (*key, horizon, self.newest(key).kind, 1 + len(self.editions.get(key, [])))
            for key in sessions.items()
            for horizon in range(1, self.newest(key).horizon + 1)
        }

    def outcomes(self) -> dict[tuple[Any, ...], bool]:
        """Compute for each closed band by kind, ticker, as_of and horizon whether it held."""
        found: dict[tuple[Any, ...], bool] = {}
        for (ticker, session), bands in self.bands.items():
            start = SESSIONS.index(session)
            for horizon in range(1, bands.horizon + 1):
                close = self.closes[ticker].get(SESSIONS[start + horizon])
                if close is not None:
                    moved = math.log(close / bands.anchor)
                    found[bands.kind, ticker, session, horizon] = abs(moved) <= bands.width
        return found


def make_forecast(ticker: str, session: date, bands: Bands) -> Forecast:
    """Make the forecast that issues some bands."""
    start = SESSIONS.index(session)
    edges = bands.width * np.array(EDGES) * np.ones((bands.horizon, 1))  # (H, Q)
    return Forecast(
        ticker=ticker,
        as_of=session,
        anchor_close=bands.anchor,
        target_sessions=tuple(SESSIONS[start + 1 : start + 1 + bands.horizon]),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(get_args(Band), edges),
        model_variance=np.full(bands.horizon, 1e-4),
        noise_variance=np.full(bands.horizon, 2e-4),
        quality="baseline",
        data_fingerprint="f",
        regime="calm",
        n_outcomes=(0,) * bands.horizon,
    )
