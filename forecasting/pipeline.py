"""The verbs: what an orchestrator asks of the core."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.baselines.past import past_of
from forecasting.baselines.random_walk import random_walk
from forecasting.calibration import Calibration
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import ModelError, ShortHistoryError, StaleHistoryError
from forecasting.features.lookback import WINDOW, Trailing
from forecasting.features.market import fit_market, market_variance, regime_of
from forecasting.features.registry import feature_names
from forecasting.forecast import Forecast
from forecasting.model.artifact import EDITION, Manifest, Model, new_network
from forecasting.model.dataset import Pool, TickerSeries, build_series, chronological_split
from forecasting.model.log_har import Har, HarConfig, fit_har
from forecasting.model.residuals import noise_pool
from forecasting.model.simulation import Paths, simulate
from forecasting.model.threads import single_thread
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import check_bars
from forecasting.types import Floats, PriceBasis

if TYPE_CHECKING:
    from forecasting.model.lightning_module import EpochReport


def market_of(histories: Iterable[PriceHistory], as_of: date, basis: PriceBasis) -> pd.Series:
    """Market-wide variance from the reference universe, by session up to `as_of`."""
    listed = [history for history in histories if not history.until(as_of).bars.empty]
    if not listed:
        raise ModelError("Expected prices of the reference universe, found none; ingest them first.")
    return market_variance(adjust(history, as_of, basis) for history in listed)


@single_thread()
def fit_model(
    histories: Sequence[PriceHistory], as_of: date, config: ModelConfig, report: "EpochReport"
) -> Model:
    """Train one pooled model on all histories up to `as_of`; they become its reference universe.

    Tickers too short for the network are left out of the training.

    Raises:
        ModelError: No ticker, or too few sessions to train on.
    """
    names = feature_names(config.features)
    market = market_of(histories, as_of, config.price_basis)
    series = _trainable(histories, as_of, config, market)
    pool = Pool.of(series)
    split = chronological_split(pool, config.training)
    from forecasting.model.training import (
        fit_network,  # Lightning takes seconds to import; a forecast needs none
    )

    network = new_network(config)
    metrics = fit_network(network, pool, split, config.training, report)
    manifest = Manifest(
        edition=EDITION,
        config=config,
        features=names,
        reference=tuple(sorted(history.ticker for history in histories)),
        trained_through=split.trained_through,
    )
    coefficients = fit_market(market[: pd.Timestamp(split.trained_through)].to_numpy(np.float64))
    noise = noise_pool(network.eval(), series, split, market, coefficients)
    return Model(manifest, network, noise, coefficients, _direct(series, names), metrics)


def make_forecast(
    model: Model,
    history: PriceHistory,
    market: pd.Series,
    target_sessions: Sequence[date],
    config: SimulationConfig,
    *,
    calibration: Calibration | None = None,
) -> Forecast:
    """Forecast one ticker from its last session.

    Args:
        model: The model that serves.
        history: As-traded prices, cut at the session to forecast from.
        market: Market variance of the model's reference universe, cut likewise.
        target_sessions: The H sessions ahead.
        config: Paths, levels, seed.
        calibration: What earlier forecasts have taught; None for nothing.

    Raises:
        ModelError: There are not as many target sessions as the horizon asks for.
        PriceError: The history cannot carry a forecast.
        DropoutNotLiveError: The dropout runs do not differ.
    """
    _require_targets(target_sessions, config)
    check_bars(history)
    as_of = history.last_session
    bars = adjust(history, as_of, model.manifest.config.price_basis)
    training = model.manifest.config.training
    recent = bars.iloc[-(WINDOW + training.lookback) :]  # no feature of the lookback sees more
    series = build_series(history.ticker, recent, market, model.manifest.features, training.lookback)
    paths = simulate(model, series, config, as_of.isoformat())
    regime = regime_of(series.window.market)
    learned = calibration or Calibration.none()
    predictive = predictive_quantiles(model, series.window, paths, config)
    return Forecast(
        ticker=history.ticker,
        as_of=as_of,
        anchor_close=float(history.bars["close"].iloc[-1]),
        target_sessions=tuple(target_sessions),
        levels=config.levels,
        log_returns={
            "mc_dropout": paths.bare_quantiles(config.levels),
            "predictive": predictive,
            "calibrated": learned.apply(history.ticker, regime, config.levels, predictive),
            "random_walk": random_walk(past_of(history.ticker, recent, market), config),
        },
        model_variance=paths.model_variance,
        noise_variance=paths.noise_variance,
        quality="champion",
        data_fingerprint=_digest(history.fingerprint(), market.to_numpy().tobytes()),
        regime=regime,
        outcomes=learned.outcomes(config.horizon),
    )


def baseline_forecast(
    history: PriceHistory, market: pd.Series, target_sessions: Sequence[date], config: SimulationConfig
) -> Forecast:
    """The last rung of the ladder: the random walk's cone, where no model can serve.

    Raises:
        As `make_forecast`, but for dropout.
    """
    _require_targets(target_sessions, config)
    check_bars(history)
    as_of = history.last_session
    past = past_of(history.ticker, adjust(history, as_of, "split_adjusted"), market)
    cone = random_walk(past, config)
    return Forecast(
        ticker=history.ticker,
        as_of=as_of,
        anchor_close=float(history.bars["close"].iloc[-1]),
        target_sessions=tuple(target_sessions),
        levels=config.levels,
        log_returns=dict.fromkeys(("predictive", "calibrated", "random_walk"), cone),
        model_variance=np.zeros(config.horizon),
        noise_variance=past.window.volatility**2 * np.arange(1, config.horizon + 1),
        quality="baseline",
        data_fingerprint=_digest(history.fingerprint(), market.to_numpy().tobytes()),
        regime=regime_of(past.window.market),
        outcomes=(0,) * config.horizon,
    )


def _require_targets(target_sessions: Sequence[date], config: SimulationConfig) -> None:
    if len(target_sessions) != config.horizon:
        raise ModelError(f"Expected {config.horizon} target sessions, found {len(target_sessions)}.")


def predictive_quantiles(model: Model, window: Trailing, paths: Paths, config: SimulationConfig) -> Floats:
    """(H, Q) quantiles of the simulated paths, averaged level by level with those of the direct log-HAR.

    The mean of the quantiles of two forecasts is sharper than a mixture of the two and at least as good as
    their mean in score (Lichtendahl, Grushka-Cockayne & Winkler 2013); the paths know the way to the horizon,
    the regression the scale of each.
    """
    simulated = paths.quantiles(config.levels)
    if model.har is None:
        return simulated
    direct = model.manifest.config.direct_share
    averaged: Floats = (1 - direct) * simulated + direct * model.har.bands(window, config)
    return averaged


def require_fresh(history: PriceHistory, session: date) -> PriceHistory:
    """The history up to `session`, which must be its last one.

    Raises:
        StaleHistoryError: There is no bar for that session.
    """
    known = history.until(session)
    if known.bars.empty:
        raise ShortHistoryError(history.ticker, found=0, needed=1)
    if known.last_session != session:
        raise StaleHistoryError(history.ticker, expected=session, found=known.last_session)
    return known


def fingerprint(histories: Iterable[PriceHistory]) -> str:
    """Hash of the prices of several tickers, 16 hex digits, whatever their order."""
    lines = sorted(f"{history.ticker}:{history.fingerprint()}" for history in histories)
    return _digest(*lines)


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:16]


def _direct(series: Sequence[TickerSeries], names: Sequence[str]) -> Har | None:
    try:
        return fit_har(series, names, HarConfig())
    except ModelError:
        return None  # too short a history for the longest horizon; the paths serve alone


def _trainable(
    histories: Sequence[PriceHistory], as_of: date, config: ModelConfig, market: pd.Series
) -> list[TickerSeries]:
    names, lookback = feature_names(config.features), config.training.lookback
    series = []
    for history in histories:
        bars = adjust(history, as_of, config.price_basis)
        try:
            series.append(build_series(history.ticker, bars, market, names, lookback))
        except ShortHistoryError:
            continue  # a young ticker is forecast by the pooled model all the same, or quarantined there
    if not series:
        raise ModelError("Expected at least one ticker with enough history to train on, found none.")
    return series
