"""Pooled log-HAR: the scale of every horizon is a log-linear regression on volatilities of several spans.

Corsi (2009) in logarithms, pooled over tickers, with range and market volatilities beside those of closes,
terms for the direction that the price came from (Corsi & Reno 2012), and what the same weeks of earlier
quarters brought.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field

from forecasting.baselines.past import Past
from forecasting.config import Frozen, SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.lookback import Trailing
from forecasting.features.registry import MARKET_FEATURES, QUARTER_FEATURES, compute_features
from forecasting.model.dataset import TickerSeries, recency_weights
from forecasting.model.losses import weighted_mean
from forecasting.model.network import LARGEST_LOG_SCALE
from forecasting.model.residuals import expected_mean
from forecasting.types import Floats, Weighting

LEVELS: tuple[float, ...] = tuple(round(step / 100, 2) for step in range(1, 100))
HORIZON = 30
LARGEST_RESIDUAL = 20.0  # as in the noise pool: one halted ticker that jumps must not bend the line for all
KNOTS = (1, 2, 3, 5, 7, 10, 14, 20, 25)  # horizons that are fitted; those between lie on a line
MINIMUM = 250  # sessions with a known outcome; pooled, they carry a score of coefficients


class HarConfig(Frozen):
    """How the regressions are fitted."""

    degrees: float = Field(6.0, gt=2, description="Degrees of freedom of the Student-t likelihood.")
    weighting: Weighting = Field("linear", description="How much more a recent session weighs.")
    history_sessions: int = Field(2500, ge=100, description="Sessions of history that are fitted.")
    market_ridge: float = Field(
        0.01,
        ge=0,
        description="Penalty for each session of the horizon on the squared standardised coefficients of the "
        "market: all tickers share its few blocks.",
    )
    max_iterations: int = Field(50, ge=1, description="Upper bound of the solver's steps for a horizon.")


@dataclass(frozen=True)
class Har:
    """One fitted regression for every horizon.

    Attributes:
        names: The F features that it reads, in order: those of the network beside it.
        coefficients: (H, F + 1) of the log scale, the constant first.
        quantiles: (H, 99) of the standardised residuals at LEVELS.
    """

    names: tuple[str, ...]
    coefficients: Floats
    quantiles: Floats

    def __call__(self, past: Past, config: SimulationConfig) -> Floats:
        """As `bands`, of a past: a baseline like the others."""
        return self.bands(past.window, config)

    def bands(self, window: Trailing, config: SimulationConfig) -> Floats:
        """(H, Q) scale of each horizon x the residual quantiles, linear between LEVELS.

        Raises:
            ModelError: It was fitted for a shorter horizon.
        """
        if config.horizon > len(self.quantiles):
            raise ModelError(
                f"Expected a log-HAR model of {config.horizon} horizons, found one of {len(self.quantiles)}; "
                "fit it anew."
            )
        h = config.horizon
        features = compute_features(window, self.names)
        regressors = np.stack([_ahead(features, window, self.names, ahead) for ahead in range(1, h + 1)])
        relative = np.exp(_log_scale(_with_constant(regressors), self.coefficients[:h]))
        scale = window.volatility * relative * np.sqrt(np.arange(1, h + 1))
        shape = np.stack([np.interp(config.levels, LEVELS, row) for row in self.quantiles[:h]])
        quantiles: Floats = scale[:, None] * shape
        return quantiles


def fit_har(
    series: Sequence[TickerSeries], names: Sequence[str], config: HarConfig, horizon: int = HORIZON
) -> Har:
    """Fit the horizons KNOTS on the sessions whose outcome is known.

    Nothing after the last session of the series goes in: a session counts at horizon h only where its outcome
    h sessions later is in them.

    Args:
        series: Training series, cut at the session of the fit.
        names: Their features, F of them.
        config: Likelihood, weights, span.
        horizon: Sessions ahead, H.

    Raises:
        ModelError: Too few sessions to fit the longest horizon on.
    """
    knots = sorted({h for h in KNOTS if h < horizon} | {horizon})
    coefficients, quantiles = np.zeros((len(knots), len(names) + 1)), np.zeros((len(knots), len(LEVELS)))
    for place, h in enumerate(knots):
        rows = _rows(series, names, h, config)
        coefficients[place] = _fit(rows, coefficients[max(place - 1, 0)], config)
        residuals = rows.target * np.exp(-_log_scale(rows.regressors, coefficients[place]))
        quantiles[place] = _weighted_quantiles(_at_expected_mean(residuals, rows, h), rows.weights, LEVELS)
    return Har(tuple(names), _between(knots, coefficients), _between(knots, quantiles))


def _ahead(features: Floats, windows: Trailing, names: Sequence[str], ahead: int) -> Floats:
    """(..., F) features of one session ahead, but those told anew for `ahead` that depend on it."""
    told, dated = features.copy(), [place for place, name in enumerate(names) if name in QUARTER_FEATURES]
    if dated:
        told[..., dated] = compute_features(windows, [names[place] for place in dated], ahead)
    return told


def _log_scale(regressors: Floats, coefficients: Floats) -> Floats:
    """(...) product within the bounds of the network's own: a halted ticker must not leave the floats."""
    bounded: Floats = np.vecdot(regressors, coefficients).clip(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
    return bounded


def _between(knots: Sequence[int], values: Floats) -> Floats:
    """(H, X) from (K, X) at the knots, linear over the log of the horizon."""
    horizons = np.log(np.arange(1, knots[-1] + 1))
    return np.stack([np.interp(horizons, np.log(knots), column) for column in values.T], axis=1)


@dataclass(frozen=True)
class _Rows:
    """The pooled sessions of one horizon.

    Attributes:
        regressors: (N, F + 1).
        target: (N,) standardised outcomes.
        weights: (N,).
        penalty: (F + 1,) of the squared coefficients.
        span: Sessions from the first to the last.
    """

    regressors: Floats
    target: Floats
    weights: Floats
    penalty: Floats
    span: int


def _rows(series: Sequence[TickerSeries], names: Sequence[str], h: int, config: HarConfig) -> _Rows:
    sessions = np.unique(np.concatenate([one.sessions for one in series]))[-config.history_sessions :]
    if len(sessions) < MINIMUM + h:
        raise ModelError(
            f"Expected at least {MINIMUM + h} sessions to fit log-HAR on, found {len(sessions)}; "
            "load more history."
        )
    known = zip(*(_known(one, names, h) for one in series), strict=True)
    x, y, session = (np.concatenate(parts) for parts in known)
    place = np.searchsorted(sessions, session) / (len(sessions) - 1)
    kept = (session >= sessions[0]) & np.isfinite(y)
    target = np.clip(y[kept], -LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    market = np.array([name in MARKET_FEATURES for name in names])
    penalty = np.append(0.0, config.market_ridge * h * market * x[kept].var(axis=0))
    weights = recency_weights(place[kept], config.weighting)
    return _Rows(_with_constant(x[kept]), target, weights, penalty, len(sessions))


def _at_expected_mean(residuals: Floats, rows: _Rows, h: int) -> Floats:
    """The residuals of h sessions, moved to the mean that is to be expected of the next ones."""
    mean, root = float(np.average(residuals, weights=rows.weights)), float(np.sqrt(h))
    moved: Floats = residuals + root * expected_mean(mean / root, rows.span) - mean
    return moved


def _known(series: TickerSeries, names: Sequence[str], h: int) -> tuple[Floats, Floats, np.ndarray]:
    """Features, log return of h sessions over volatility and sqrt(h), and session, where that is known."""
    ahead = series.target[:-1] * series.volatility[:-1]
    total = np.append(0.0, np.cumsum(ahead))
    known = max(len(total) - h, 0)
    outcome = (total[h:] - total[:known]) / (series.volatility[:known] * np.sqrt(h))
    return _ahead(series.features, series.windows, names, h)[:known], outcome, series.sessions[:known]


def _fit(rows: _Rows, start: Floats, config: HarConfig) -> Floats:
    """(F + 1,) coefficients of the largest penalised Student-t likelihood of residuals about zero."""
    x, y, weights, penalty = (
        torch.as_tensor(part) for part in (rows.regressors, rows.target, rows.weights, rows.penalty)
    )
    beta = torch.tensor(start, requires_grad=True)
    solver = torch.optim.LBFGS([beta], max_iter=config.max_iterations, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        log_scale = (x @ beta).clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
        likelihood = weighted_mean(student_likelihood(y, log_scale, config.degrees), weights)
        loss = likelihood + 0.5 * (penalty * beta**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]  # as above
    fitted: Floats = beta.detach().numpy()
    return fitted


def student_likelihood(target: torch.Tensor, log_scale: torch.Tensor, degrees: float) -> torch.Tensor:
    """Negative log-likelihood of Student's t about zero, elementwise, less its constant."""
    squared = (target * torch.exp(-log_scale)) ** 2
    return (degrees + 1) / 2 * torch.log1p(squared / degrees) + log_scale


def _weighted_quantiles(values: Floats, weights: Floats, levels: tuple[float, ...]) -> Floats:
    quantiles: Floats = np.quantile(values, levels, weights=weights, method="inverted_cdf")
    return quantiles


def _with_constant(features: Floats) -> Floats:
    return np.concatenate([np.ones_like(features[..., :1]), features], axis=-1)
