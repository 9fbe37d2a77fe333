"""Pooled log-HAR: the scale of every horizon is a log-linear regression on volatilities of several spans.

Corsi (2009) in logarithms, pooled over tickers, with range and market volatilities beside those of closes,
and terms for the direction that the price came from (Corsi & Reno 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field

from forecasting.baselines.past import Past
from forecasting.config import Frozen, SimulationConfig, Weighting
from forecasting.errors import ModelError
from forecasting.features import FEATURES, compute_features
from forecasting.forecast import Floats
from forecasting.losses import weighted_mean
from forecasting.series import TickerSeries
from forecasting.weights import recency_weights

NAMES = tuple(FEATURES)  # what the network sees, too: it must beat a line through the same numbers
MINIMUM = 250  # sessions with a known outcome; pooled, they carry a score of coefficients


class HarConfig(Frozen):
    """How the regressions are fitted."""

    degrees: float = Field(6.0, gt=2, description="Degrees of freedom of the Student-t likelihood.")
    weighting: Weighting = Field("linear", description="How much more a recent session weighs.")
    history_sessions: int = Field(2500, ge=100, description="Sessions of history that are fitted.")
    max_iterations: int = Field(50, ge=1, description="Upper bound of the solver's steps for a horizon.")


@dataclass(frozen=True)
class Har:
    """One fitted regression for every horizon.

    Attributes:
        coefficients: (H, F + 1) of the log scale, the constant first.
        quantiles: (H, Q) of the standardised residuals at `levels`.
        levels: The Q quantile levels.
    """

    coefficients: Floats
    quantiles: Floats
    levels: tuple[float, ...]

    def __call__(self, past: Past, config: SimulationConfig) -> Floats:
        """(H, Q) scale of each horizon x the residual quantiles.

        Raises:
            ModelError: It was fitted for other levels or a shorter horizon.
        """
        if config.levels != self.levels or config.horizon > len(self.quantiles):
            raise ModelError("Expected a log-HAR model of the levels and the horizon asked for; fit it anew.")
        h = config.horizon
        regressors = _with_constant(compute_features(past.window, NAMES))
        scale = (
            past.window.volatility * np.exp(self.coefficients[:h] @ regressors) * np.sqrt(np.arange(1, h + 1))
        )
        quantiles: Floats = scale[:, None] * self.quantiles[:h]
        return quantiles


def fit_har(series: Sequence[TickerSeries], config: HarConfig, simulation: SimulationConfig) -> Har:
    """Fit every horizon on the sessions whose outcome is known.

    Nothing after the last session of the series goes in: a session counts at horizon h only where its outcome
    h sessions later is in them.

    Args:
        series: Training series whose features are NAMES, cut at the session of the fit.
        config: Likelihood, weights, span.
        simulation: Horizon and levels.

    Raises:
        ModelError: Too few sessions to fit the longest horizon on.
    """
    horizons = range(1, simulation.horizon + 1)
    coefficients, quantiles = np.zeros((simulation.horizon, len(NAMES) + 1)), []
    for h in horizons:
        rows = _rows(series, h, config)
        previous = coefficients[max(h - 2, 0)]
        coefficients[h - 1] = _fit(rows, previous, config)
        residuals = rows.target * np.exp(-rows.regressors @ coefficients[h - 1])
        quantiles.append(_weighted_quantiles(residuals, rows.weights, simulation.levels))
    return Har(coefficients, np.stack(quantiles), simulation.levels)


@dataclass(frozen=True)
class _Rows:
    """The pooled sessions of one horizon: (N, F + 1), (N,) standardised outcomes, (N,)."""

    regressors: Floats
    target: Floats
    weights: Floats


def _rows(series: Sequence[TickerSeries], h: int, config: HarConfig) -> _Rows:
    sessions = np.unique(np.concatenate([one.sessions for one in series]))[-config.history_sessions :]
    if len(sessions) < MINIMUM + h:
        raise ModelError(
            f"Expected at least {MINIMUM + h} sessions to fit log-HAR on, found {len(sessions)}; "
            "load more history."
        )
    x, y, session = (np.concatenate(parts) for parts in zip(*(_known(one, h) for one in series), strict=True))
    place = np.searchsorted(sessions, session) / (len(sessions) - 1)
    kept = (session >= sessions[0]) & np.isfinite(y)
    return _Rows(_with_constant(x[kept]), y[kept], recency_weights(place[kept], config.weighting))


def _known(series: TickerSeries, h: int) -> tuple[Floats, Floats, np.ndarray]:
    """Features, log return of h sessions over volatility and sqrt(h), and session, where that is known."""
    ahead = series.target[:-1] * series.volatility[:-1]
    total = np.append(0.0, np.cumsum(ahead))
    known = max(len(total) - h, 0)
    outcome = (total[h:] - total[:known]) / (series.volatility[:known] * np.sqrt(h))
    return series.features[:known], outcome, series.sessions[:known]


def _fit(rows: _Rows, start: Floats, config: HarConfig) -> Floats:
    """(F + 1,) coefficients that maximise the weighted Student-t likelihood of residuals about zero."""
    x, y, weights = (torch.as_tensor(part) for part in (rows.regressors, rows.target, rows.weights))
    beta = torch.tensor(start, requires_grad=True)
    solver = torch.optim.LBFGS([beta], max_iter=config.max_iterations, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = weighted_mean(student_likelihood(y, x @ beta, config.degrees), weights)
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
