"""The forecast value: bands of one ticker from one session, ready to be stored."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecasting.types import Band, Floats, PriceBasis, Quality, Regime


@dataclass(frozen=True)
class Forecast:
    """Quantile bands of one ticker, as issued.

    Attributes:
        ticker: The symbol.
        as_of: The session whose close is the anchor.
        anchor_close: The close of `as_of`, in the price units of `as_of`.
        target_sessions: The H sessions forecast, horizon 1 first.
        levels: The Q quantile levels, increasing, symmetric about 0.5.
        log_returns: Band name -> (H, Q) quantiles of the cumulative log return since `as_of`.
        model_variance: (H,) variance of the cumulative log return between dropout runs.
        noise_variance: (H,) variance within dropout runs.
        quality: The rung of the ladder that made it.
        data_fingerprint: Hash of the returns and market values that went in.
        regime: The market's at issue.
        n_outcomes: (H,) closed forecasts that the calibration of each horizon rests on.
        price_basis: What its log returns are returns of.
    """

    ticker: str
    as_of: date
    anchor_close: float
    target_sessions: tuple[date, ...]
    levels: tuple[float, ...]
    log_returns: Mapping[Band, Floats]
    model_variance: Floats
    noise_variance: Floats
    quality: Quality
    data_fingerprint: str
    regime: Regime
    n_outcomes: tuple[int, ...]
    price_basis: PriceBasis = "split_adjusted"

    @property
    def horizon(self) -> int:
        """Number of sessions forecast, H."""
        return len(self.target_sessions)

    @property
    def nominal_coverage(self) -> float:
        """Nominal probability between the outermost levels."""
        return round(self.levels[-1] - self.levels[0], 10)

    def prices(self, band: Band) -> Floats:
        """(H, Q) price quantiles of a band, in the units of `as_of`."""
        prices: Floats = self.anchor_close * np.exp(self.log_returns[band])
        return prices

    def price_at(self, band: Band, level: float) -> Floats:
        """(H,) prices of one band at one of its levels."""
        prices: Floats = self.prices(band)[:, self.levels.index(level)]
        return prices


def fingerprint_forecasts(forecasts: Iterable[Forecast]) -> str:
    """Return a hash of the data that went into several forecasts, 16 hex digits, whatever their order."""
    inputs = sorted(
        f"{forecast.ticker}:{forecast.as_of}:{forecast.data_fingerprint}" for forecast in forecasts
    )
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]


def identify(as_of: date, *inputs: str) -> str:
    """Return the id of a result: its session and a digest of everything that it depends on."""
    return f"{as_of}-{hashlib.sha256('|'.join((str(as_of), *inputs)).encode()).hexdigest()[:10]}"
