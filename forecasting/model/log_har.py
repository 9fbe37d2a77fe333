"""Pooled log-HAR: the scale of every horizon is a log-linear regression on volatilities of several spans.

Corsi (2009) in logarithms, pooled over tickers, with range and market volatilities beside those of closes,
terms for the direction that the price came from (Corsi & Reno 2012), and the surprises of the same weeks of
earlier quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from forecasting.config import LONGEST_HORIZON, LogHarConfig, SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.lookback import Lookback
from forecasting.features.registry import FEATURES, compute_features, compute_features_ahead
from forecasting.model.dataset import TickerFeatures, compute_horizon_outcomes, weigh_by_recency
from forecasting.model.losses import minimise, weighted_mean
from forecasting.model.memory import return_freed_memory
from forecasting.model.random_streams import LARGEST_RESIDUAL
from forecasting.model.residuals import EXPECTED_MEAN
from forecasting.types import Floats

RESIDUAL_LEVELS: tuple[float, ...] = tuple(round(step / 100, 2) for step in range(1, 100))
LARGEST_LOG_SCALE = 4.0  # e^4 is 55 times the current volatility
KNOTS = (1, 2, 3, 5, 7, 10, 14, 20, 25)  # horizons that are fitted; those between lie on a line
MINIMUM = 250  # sessions with a known outcome; pooled, they carry a score of coefficients


@dataclass(frozen=True)
class LogHar:
    """One fitted regression for every horizon.

    Attributes:
        names: The F features that it reads, in order: those of the network beside it.
        coefficients: (H, F + 1) of the log scale, the constant first.
        quantiles: (H, 99) of the standardised residuals at RESIDUAL_LEVELS.
        bounds: (H, 2, F) least and greatest value of each feature in the fit, which a forecast keeps to.
    """

    names: tuple[str, ...]
    coefficients: Floats
    quantiles: Floats
    bounds: Floats

    def forecast(self, window: Lookback, config: SimulationConfig) -> Floats:
        """Return the (H, Q) scale of each horizon x the residual quantiles, linear between RESIDUAL_LEVELS.

        Raises:
            ModelError: It was fitted for a shorter horizon.
        """
        horizons = range(1, config.horizon + 1)
        return self.scales(window, horizons)[:, None] * self.shape(horizons, config.levels)

    def scales(self, window: Lookback, horizons: Sequence[int]) -> Floats:
        """Return the (H,) scale of the cumulative log return of each horizon.

        Raises:
            ModelError: It was fitted for a shorter horizon.
        """
        if horizons[-1] > len(self.quantiles):
            raise ModelError(
                f"Expected a log-HAR model of {horizons[-1]} horizons, found one of {len(self.quantiles)}; "
                "fit it anew."
            )
        features = compute_features(window, self.names)
        log_scales = self.log_scales(features, window, horizons)
        return window.volatility * np.exp(log_scales) * np.sqrt(horizons)

    def log_scales(self, features: Floats, windows: Lookback, horizons: Sequence[int]) -> Floats:
        """Return the (..., H) log scale of each horizon in units of current volatility and sqrt(h).

        Args:
            features: (..., F) of a forecast of one session.
            windows: (..., W) that they are features of.
            horizons: Sessions ahead, H of them, within those of the fit.
        """
        return np.stack([self._log_scale(features, windows, h) for h in horizons], axis=-1)

    def shape(self, horizons: Sequence[int], levels: Sequence[float]) -> Floats:
        """Return the (H, Q) quantiles of the standardised residuals of each horizon."""
        return np.stack([np.interp(levels, RESIDUAL_LEVELS, self.quantiles[h - 1]) for h in horizons])

    def _log_scale(self, features: Floats, windows: Lookback, h: int) -> Floats:
        regressors = compute_features_ahead(features, windows, self.names, ahead=h)
        regressors = regressors.clip(*self.bounds[h - 1])
        with_constant = np.concatenate([np.ones_like(regressors[..., :1]), regressors], axis=-1)
        return _bounded_log_scale(with_constant, self.coefficients[h - 1])


@dataclass(frozen=True)
class HorizonSample:
    """The pooled sessions of one horizon.

    Attributes:
        regressors: (N, F + 1) the constant first.
        target: (N,) log return of the horizon over current volatility and sqrt(h).
        weights: (N,) recency weights.
        penalty: (F + 1,) of the squared coefficients.
        blocks: Outcomes of a ticker that do not overlap.
    """

    regressors: Floats
    target: Floats
    weights: Floats
    penalty: Floats
    blocks: float


def fit_log_har(
    tickers: Sequence[TickerFeatures],
    names: Sequence[str],
    config: LogHarConfig,
    *,
    horizon: int = LONGEST_HORIZON,
) -> LogHar:
    """Fit the horizons KNOTS on the sessions whose outcome is known.

    Nothing after the last session goes in: a session counts at horizon h only where its outcome h sessions
    later is in the data. A horizon with too few outcomes that do not overlap takes over the coefficients of
    the next shorter one.

    Args:
        tickers: Training features, cut at the session of the fit.
        names: Their features, F of them.
        config: Likelihood, weights, span.
        horizon: Sessions ahead, H.

    Raises:
        ModelError: Too few sessions to fit the longest horizon on.
    """
    _list_sessions(tickers, config, horizon)
    knots = sorted({h for h in KNOTS if h < horizon} | {horizon})
    coefficients = np.zeros((len(knots), len(names) + 1))
    quantiles = np.zeros((len(knots), len(RESIDUAL_LEVELS)))
    bounds = np.zeros((len(knots), 2, len(names)))
    for index, h in enumerate(knots):
        shorter = coefficients[index - 1] if index else None
        coefficients[index], bounds[index], quantiles[index] = _fit_knot(
            build_horizon_sample(tickers, names, h, config=config), h, shorter, config=config
        )
        return_freed_memory()
    widths = _interpolate(knots, bounds.reshape(len(knots), -1)).reshape(-1, 2, len(names))
    return LogHar(tuple(names), _interpolate(knots, coefficients), _interpolate(knots, quantiles), widths)


class _Knot(NamedTuple):
    """The fit of one horizon: a row of each of the arrays of `LogHar`."""

    coefficients: Floats
    bounds: Floats
    quantiles: Floats


def _fit_knot(sample: HorizonSample, h: int, shorter: Floats | None, *, config: LogHarConfig) -> _Knot:
    """Fit one horizon, from the coefficients of the next shorter one or from zero."""
    start = np.zeros(sample.regressors.shape[1]) if shorter is None else shorter
    is_enough = shorter is None or sample.blocks >= config.fewest_blocks * len(start)
    coefficients = _maximise_likelihood(sample, start, config) if is_enough else start
    features = sample.regressors[:, 1:]
    residuals = sample.target * np.exp(-_bounded_log_scale(sample.regressors, coefficients))
    # To the mean that is to be expected of h sessions, not that of the past.
    moved = residuals + np.sqrt(h) * EXPECTED_MEAN - np.average(residuals, weights=sample.weights)
    bounds = np.stack([features.min(axis=0), features.max(axis=0)])
    quantiles = np.quantile(moved, RESIDUAL_LEVELS, weights=sample.weights, method="inverted_cdf")
    return _Knot(coefficients, bounds, quantiles)


def build_horizon_sample(
    tickers: Sequence[TickerFeatures], names: Sequence[str], h: int, *, config: LogHarConfig
) -> HorizonSample:
    """Pool the sessions of all tickers whose outcome `h` sessions later is known.

    Raises:
        ModelError: Too few sessions.
    """
    sessions = _list_sessions(tickers, config, h)
    y = np.concatenate([compute_horizon_outcomes(ticker, h) for ticker in tickers])
    session = np.concatenate([ticker.sessions[: max(len(ticker) - h, 0)] for ticker in tickers])
    age = np.searchsorted(sessions, session) / (len(sessions) - 1)
    kept = (session >= sessions[0]) & np.isfinite(y)
    regressors = _gather_regressors(tickers, names, h, kept=kept)
    market = np.array([FEATURES[name].subject == "market" for name in names])
    blocks = float(kept.sum() / h)
    ridge = config.market_ridge * h * market + config.ridge_blocks / blocks
    return HorizonSample(
        regressors=regressors,
        target=np.clip(y[kept], -LARGEST_RESIDUAL, LARGEST_RESIDUAL),
        weights=weigh_by_recency(age[kept], config.weighting),
        penalty=np.append(0.0, ridge * [column.var() for column in regressors.T[1:]]),
        blocks=blocks,
    )


def _gather_regressors(
    tickers: Sequence[TickerFeatures], names: Sequence[str], h: int, *, kept: np.ndarray
) -> Floats:
    """(N, F + 1) regressors of the kept sessions; of 500 tickers, a second copy would be a gigabyte."""
    regressors = np.ones((int(kept.sum()), len(names) + 1))
    row = first = 0
    for ticker in tickers:
        features = compute_features_ahead(ticker.features, ticker.windows, names, ahead=h)
        features = features[: max(len(ticker) - h, 0)]
        chosen = features[kept[first : first + len(features)]]
        regressors[row : row + len(chosen), 1:] = chosen
        row, first = row + len(chosen), first + len(features)
    return regressors


def _list_sessions(tickers: Sequence[TickerFeatures], config: LogHarConfig, h: int) -> np.ndarray:
    """Return the sessions that are fitted; raise where they are too few for a horizon."""
    sessions = np.unique(np.concatenate([ticker.sessions for ticker in tickers]))[-config.history_sessions :]
    if len(sessions) < MINIMUM + h:
        raise ModelError(
            f"Expected at least {MINIMUM + h} sessions to fit log-HAR on, found {len(sessions)}; "
            "load more history."
        )
    return sessions


def student_likelihood(target: torch.Tensor, log_scale: torch.Tensor, degrees: float) -> torch.Tensor:
    """Return the negative log-likelihood of Student's t about zero, elementwise, less its constant."""
    squared = (target * torch.exp(-log_scale)) ** 2
    return (degrees + 1) / 2 * torch.log1p(squared / degrees) + log_scale


def _maximise_likelihood(sample: HorizonSample, start: Floats, config: LogHarConfig) -> Floats:
    """(F + 1,) coefficients of the largest penalised Student-t likelihood of residuals about zero."""
    x, y = torch.as_tensor(sample.regressors), torch.as_tensor(sample.target)
    weights, penalty = torch.as_tensor(sample.weights), torch.as_tensor(sample.penalty)

    def penalised_loss(beta: torch.Tensor) -> torch.Tensor:
        log_scale = (x @ beta).clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
        likelihood = weighted_mean(student_likelihood(y, log_scale, config.degrees), weights)
        return likelihood + 0.5 * (penalty * beta**2).sum()

    return minimise(penalised_loss, torch.as_tensor(start), iterations=config.max_iterations).numpy()


def _bounded_log_scale(regressors: Floats, coefficients: Floats) -> Floats:
    """(...) product within bounds: a halted ticker must not leave the floats."""
    bounded: Floats = np.vecdot(regressors, coefficients).clip(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
    return bounded


def _interpolate(knots: Sequence[int], values: Floats) -> Floats:
    """(H, X) from (K, X) at the knots, linear over the log of the horizon."""
    horizons = np.log(np.arange(1, knots[-1] + 1))
    return np.stack([np.interp(horizons, np.log(knots), column) for column in values.T], axis=1)
