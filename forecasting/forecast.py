"""The forecast value: bands of one ticker from one session, ready to be stored."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecasting.config import CALIBRATED_LEVELS, SimulationConfig
from forecasting.errors import RungFailedError
from forecasting.types import Band, Floats, PriceBasis, Quality, Regime

HIGHEST_PRICE = 1e12  # of the columns that bands are stored in
LOWEST_PRICE = 1e-300  # smaller ones lose their digits, and then count as zero


@dataclass(frozen=True)
class PathOdds:
    """Odds of the closes on the way to B horizons.

    Attributes:
        within: Sessions ahead, B of them, increasing.
        moves: V relative moves from the anchor close, such as -0.1.
        touch: (B, V) probability that some close lies at the move or beyond.
        levels: Q quantile levels, increasing.
        drawdown: (B, Q) quantiles of the largest fall from the highest close before it, the anchor included,
            as a share of that, in [0, 1].
    """

    within: tuple[int, ...]
    moves: tuple[float, ...]
    touch: Floats
    levels: tuple[float, ...]
    drawdown: Floats


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
        model_version: The model that made it; empty for one that is not stored.
        reports_ahead: (H,) earnings reports expected by each horizon; None where no dates are known.
        odds: Odds of the way; None where no paths were simulated.
        refined: (H, 23) quantiles of the calibrated band at CALIBRATED_LEVELS; None where none were made.
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
    model_version: str = ""
    reports_ahead: tuple[int, ...] | None = None
    odds: PathOdds | None = None
    refined: Floats | None = None

    @property
    def horizon(self) -> int:
        """Number of sessions forecast, H."""
        return len(self.target_sessions)

    @property
    def nominal_coverage(self) -> float:
        """Nominal probability between the outermost levels."""
        return round(self.levels[-1] - self.levels[0], 10)

    def prices(self, band: Band) -> Floats:
        """Return the (H, Q) price quantiles of a band, in the units of `as_of`."""
        return self.anchor_close * np.exp(self.log_returns[band])

    def get_quantiles(self, band: Band) -> tuple[tuple[float, ...], Floats]:
        """Return the Q levels of a band, of the calibrated one its tails, too, and its (H, Q) quantiles."""
        if band == "calibrated" and self.refined is not None:
            return CALIBRATED_LEVELS, self.refined
        return self.levels, self.log_returns[band]

    def price_at(self, band: Band, level: float) -> Floats:
        """Return the (H,) prices of one band at one of its levels."""
        return self.prices(band)[:, self.levels.index(level)]


def check_bands(
    forecast: Forecast, config: SimulationConfig, *, random_walks: tuple[Floats, Floats]
) -> Forecast:
    """Return the forecast if its bands may be published.

    The calibrated band is compared with the random walks; the others are stored for comparison and may have
    any width.

    Args:
        forecast: Of any rung of the ladder.
        config: Bounds of the width of a band.
        random_walks: (H,) widths of the calmest and of the wildest random walk consistent with its window.

    Raises:
        RungFailedError: A number is not finite, quantiles cross, a price is out of bounds, or the calibrated
            band is too narrow or too wide at some horizon.
    """
    for band, quantiles in forecast.log_returns.items():
        _check_quantiles(forecast, band, quantiles)
    if forecast.refined is not None:
        _check_quantiles(forecast, "calibrated", forecast.refined)
    for name in ("model_variance", "noise_variance"):
        variance = getattr(forecast, name)
        if not (np.isfinite(variance) & (variance >= 0)).all():
            raise _implausible(forecast, f"a finite {name} of 0 or more", f"{variance.min():g}")
    _check_width(forecast, config, random_walks)
    return forecast


def _check_width(forecast: Forecast, config: SimulationConfig, random_walks: tuple[Floats, Floats]) -> None:
    """Raise where the calibrated band is too narrow for the calmest walk or too wide for the wildest."""
    calmest, wildest = random_walks
    quantiles = forecast.log_returns["calibrated"]
    width = quantiles[:, -1] - quantiles[:, 0]
    too_narrow = width < config.narrowest_band * calmest
    wrong = too_narrow | (width > config.widest_band * wildest)
    if not wrong.any():
        return
    step = int(np.argmax(wrong))
    ratio = width[step] / (calmest if too_narrow[step] else wildest)[step]
    expected = (
        f"a band of {config.narrowest_band:.3g} to {config.widest_band:.3g} times the random walk's width"
    )
    raise _implausible(forecast, expected, f"{ratio:.3g} times at horizon {step + 1}")


def _check_quantiles(forecast: Forecast, band: Band, quantiles: Floats) -> None:
    """Raise unless the quantiles of a band are finite and in order, and their prices those of a share."""
    if not np.isfinite(quantiles).all():
        raise _implausible(forecast, f"finite quantiles in the band {band}", "others")
    if (np.diff(quantiles, axis=1) < 0).any():
        raise _implausible(forecast, f"quantiles in order in the band {band}", "some that cross")
    log_prices = np.log(forecast.anchor_close) + quantiles  # an exponential could overflow
    if log_prices.max() >= np.log(HIGHEST_PRICE) or log_prices.min() <= np.log(LOWEST_PRICE):
        found = f"log returns from {quantiles.min():g} to {quantiles.max():g}"
        raise _implausible(forecast, f"prices above 0 and below {HIGHEST_PRICE:g} in the band {band}", found)


def _implausible(forecast: Forecast, expected: str, found: str) -> RungFailedError:
    return RungFailedError(forecast.model_version, forecast.ticker, expected, found)


def fingerprint_forecasts(forecasts: Iterable[Forecast]) -> str:
    """Return a hash of the data that went into several forecasts, 16 hex digits, whatever their order."""
    inputs = sorted(
        f"{forecast.ticker}:{forecast.as_of}:{forecast.data_fingerprint}" for forecast in forecasts
    )
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]


def identify(as_of: date, *inputs: str) -> str:
    """Return the id of a result: its session and a digest of everything that it depends on."""
    return f"{as_of}-{hashlib.sha256('|'.join((str(as_of), *inputs)).encode()).hexdigest()[:10]}"
