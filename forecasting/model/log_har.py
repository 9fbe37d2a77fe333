"""Pooled log-HAR: the scale of every horizon is a log-linear regression on volatilities of several spans.

Corsi (2009) in logarithms, pooled over tickers, with range and market volatilities beside those of closes,
terms for the direction that the price came from (Corsi & Reno 2012), and the surprises of the same weeks of
earlier quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from forecasting.config import LogHarConfig, SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.lookback import Lookback
from forecasting.features.registry import FEATURES, compute_features, compute_features_ahead
from forecasting.model.dataset import TickerFeatures, weigh_by_recency
from forecasting.model.losses import weighted_mean
from forecasting.model.network import LARGEST_LOG_SCALE
from forecasting.model.random_streams import LARGEST_RESIDUAL
from forecasting.model.residuals import EXPECTED_MEAN
from forecasting.types import Floats

RESIDUAL_LEVELS: tuple[float, ...] = tuple(round(step / 100, 2) for step in range(1, 100))
HORIZON = 30
KNOTS = (1, 2, 3, 5, 7, 10, 14, 20, 25)  # horizons that are fitted; those between lie on a line
MINIMUM = 250  # sessions with a known outcome; pooled, they carry a score of coefficients


@dataclass(frozen=True)
class LogHar:
    """One fitted regression for every horizon.

    Attributes:
        names: The F features that it reads, in order: those of the network beside it.
        coefficients: (H, F + 1) of the log scale, the constant first.
        quantiles: (H, 99) of the standardised residuals at RESIDUAL_LEVELS.
        bounds: (H, 2, F) least and greatest value of each feature in the fit, which a forecast keeps to; None
            in a model that was stored without.
    """

    names: tuple[str, ...]
    coefficients: Floats
    quantiles: Floats
    bounds: Floats | None = None

    def forecast(self, window: Lookback, config: SimulationConfig) -> Floats:
        """(H, Q) scale of each horizon x the residual quantiles, linear between RESIDUAL_LEVELS.

        Raises:
            ModelError: It was fitted for a shorter horizon.
        """
        if config.horizon > len(self.quantiles):
            raise ModelError(
                f"Expected a log-HAR model of {config.horizon} horizons, found one of {len(self.quantiles)}; "
                "fit it anew."
            )
        horizons = np.arange(1, config.horizon + 1)
        features = compute_features(window, self.names)
        regressors = np.stack(
            [compute_features_ahead(features, window, self.names, ahead=int(ahead)) for ahead in horizons]
        )
        if self.bounds is not None:
            least, greatest = self.bounds[: config.horizon, 0], self.bounds[: config.horizon, 1]
            regressors = regressors.clip(least, greatest)
        log_scale = _bounded_log_scale(_with_constant(regressors), self.coefficients[: config.horizon])
        scale = window.volatility * np.exp(log_scale) * np.sqrt(horizons)
        shape = np.stack(
            [np.interp(config.levels, RESIDUAL_LEVELS, row) for row in self.quantiles[: config.horizon]]
        )
        quantiles: Floats = scale[:, None] * shape
        return quantiles


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
    tickers: Sequence[TickerFeatures], names: Sequence[str], config: LogHarConfig, *, horizon: int = HORIZON
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
    knots = sorted({h for h in KNOTS if h < horizon} | {horizon})
    coefficients = np.zeros((len(knots), len(names) + 1))
    quantiles = np.zeros((len(knots), len(RESIDUAL_LEVELS)))
    bounds = np.zeros((len(knots), 2, len(names)))
    for index, h in enumerate(knots):
        sample = build_horizon_sample(tickers, names, h, config=config)
        shorter = coefficients[max(index - 1, 0)]
        is_enough = index == 0 or sample.blocks >= config.fewest_blocks * len(shorter)
        coefficients[index] = _maximise_likelihood(sample, shorter, config) if is_enough else shorter
        bounds[index] = sample.regressors[:, 1:].min(axis=0), sample.regressors[:, 1:].max(axis=0)
        residuals = sample.target * np.exp(-_bounded_log_scale(sample.regressors, coefficients[index]))
        moved = _move_to_expected_mean(residuals, sample.weights, h)
        quantiles[index] = _weighted_quantiles(moved, sample.weights)
    widths = _interpolate(knots, bounds.reshape(len(knots), -1)).reshape(-1, 2, len(names))
    return LogHar(tuple(names), _interpolate(knots, coefficients), _interpolate(knots, quantiles), widths)


def count_sessions(tickers: Sequence[TickerFeatures]) -> int:
    """Return the number of sessions over all tickers, which `fit_log_har` needs MINIMUM + HORIZON of."""
    return len(np.unique(np.concatenate([ticker.sessions for ticker in tickers])))


def build_horizon_sample(
    tickers: Sequence[TickerFeatures], names: Sequence[str], h: int, *, config: LogHarConfig
) -> HorizonSample:
    """Pool the sessions of all tickers whose outcome `h` sessions later is known.

    Raises:
        ModelError: Too few sessions.
    """
    sessions = np.unique(np.concatenate([ticker.sessions for ticker in tickers]))[-config.history_sessions :]
    if len(sessions) < MINIMUM + h:
        raise ModelError(
            f"Expected at least {MINIMUM + h} sessions to fit log-HAR on, found {len(sessions)}; "
            "load more history."
        )
    x = np.concatenate([_features_ahead(ticker, names, h) for ticker in tickers])
    y = np.concatenate([compute_horizon_outcomes(ticker, h) for ticker in tickers])
    session = np.concatenate([ticker.sessions[: max(len(ticker) - h, 0)] for ticker in tickers])
    age = np.searchsorted(sessions, session) / (len(sessions) - 1)
    kept = (session >= sessions[0]) & np.isfinite(y)
    market = np.array([FEATURES[name].subject == "market" for name in names])
    blocks = float(kept.sum() / h)
    ridge = config.market_ridge * h * market + config.ridge_blocks / blocks
    return HorizonSample(
        regressors=_with_constant(x[kept]),
        target=np.clip(y[kept], -LARGEST_RESIDUAL, LARGEST_RESIDUAL),
        weights=weigh_by_recency(age[kept], config.weighting),
        penalty=np.append(0.0, ridge * x[kept].var(axis=0)),
        blocks=blocks,
    )


def compute_horizon_outcomes(ticker: TickerFeatures, h: int) -> Floats:
    """(T - h,) log return of the h sessions after each over its volatility and sqrt(h)."""
    ahead = ticker.target[:-1] * ticker.volatility[:-1]
    total = np.append(0.0, np.cumsum(ahead))
    known = max(len(total) - h, 0)
    outcome: Floats = (total[h:] - total[:known]) / (ticker.volatility[:known] * np.sqrt(h))
    return outcome


def student_likelihood(target: torch.Tensor, log_scale: torch.Tensor, degrees: float) -> torch.Tensor:
    """Negative log-likelihood of Student's t about zero, elementwise, less its constant."""
    squared = (target * torch.exp(-log_scale)) ** 2
    return (degrees + 1) / 2 * torch.log1p(squared / degrees) + log_scale


def _features_ahead(ticker: TickerFeatures, names: Sequence[str], h: int) -> Floats:
    features = compute_features_ahead(ticker.features, ticker.windows, names, ahead=h)
    return features[: max(len(ticker) - h, 0)]


def _maximise_likelihood(sample: HorizonSample, start: Floats, config: LogHarConfig) -> Floats:
    """(F + 1,) coefficients of the largest penalised Student-t likelihood of residuals about zero."""
    x, y = torch.as_tensor(sample.regressors), torch.as_tensor(sample.target)
    weights, penalty = torch.as_tensor(sample.weights), torch.as_tensor(sample.penalty)
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


def _move_to_expected_mean(residuals: Floats, weights: Floats, h: int) -> Floats:
    """(N,) residuals of h sessions, moved to the mean that is to be expected of the next ones."""
    moved: Floats = residuals + np.sqrt(h) * EXPECTED_MEAN - np.average(residuals, weights=weights)
    return moved


def _bounded_log_scale(regressors: Floats, coefficients: Floats) -> Floats:
    """(...) product within the bounds of the network's own: a halted ticker must not leave the floats."""
    bounded: Floats = np.vecdot(regressors, coefficients).clip(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
    return bounded


def _interpolate(knots: Sequence[int], values: Floats) -> Floats:
    """(H, X) from (K, X) at the knots, linear over the log of the horizon."""
    horizons = np.log(np.arange(1, knots[-1] + 1))
    return np.stack([np.interp(horizons, np.log(knots), column) for column in values.T], axis=1)


def _weighted_quantiles(values: Floats, weights: Floats) -> Floats:
    quantiles: Floats = np.quantile(values, RESIDUAL_LEVELS, weights=weights, method="inverted_cdf")
    return quantiles


def _with_constant(features: Floats) -> Floats:
    return np.concatenate([np.ones_like(features[..., :1]), features], axis=-1)
