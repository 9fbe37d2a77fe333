"""The verbs that an orchestrator calls: prepare a ticker, fit a model, forecast a ticker."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from forecasting.baselines.random_walk import bracket_widths, forecast_random_walk
from forecasting.calendars.lookup import STANDARD, Calendars, find_targets
from forecasting.calibration import Calibration
from forecasting.config import CALIBRATED_LEVELS, ModelConfig, SimulationConfig
from forecasting.errors import (
    ModelError,
    PriceError,
    RungFailedError,
    ShortHistoryError,
    UnexpectedError,
    UsageError,
)
from forecasting.faults import attribute_to_model, attribute_to_ticker, describe_error
from forecasting.features.lookback import WARM_UP, Lookback
from forecasting.features.market import (
    build_lookbacks,
    classify_regime,
    compute_market_variance,
    fit_market,
)
from forecasting.features.registry import select_features
from forecasting.features.reports import PRIOR_SIZE, pool_report_size
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast, PathOdds, check_bands
from forecasting.model.artifact import EDITION, Manifest, Model, build_network, choose_inputs
from forecasting.model.dataset import (
    Split,
    TickerFeatures,
    TrainingSet,
    build_ticker_features,
    split_by_session,
)
from forecasting.model.heads import bound_medians, expect_log_scale, forecast_heads
from forecasting.model.log_har import RESIDUAL_LEVELS, LogHar, fit_log_har
from forecasting.model.memory import return_freed_memory
from forecasting.model.network import StackedLSTM
from forecasting.model.odds import WITHIN, calibrate_finely, couple_paths, measure_odds, refine_calibrated
from forecasting.model.residuals import PastSessions, collect_residuals, keep_past_sessions
from forecasting.model.simulation import simulate_paths
from forecasting.model.threads import single_thread
from forecasting.sampling import draw_sample
from forecasting.text import format_count
from forecasting.types import Band, Floats, Quality, Regime

if TYPE_CHECKING:
    from forecasting.model.lightning_module import EpochCallback


@dataclass(frozen=True)
class Forecaster:
    """Everything that a forecast needs besides the returns of its ticker.

    Attributes:
        model: The linear part and the network; None for the random walk's cone, the last rung of the ladder.
        market: Market variance of the model's reference universe by session, at least up to the session.
        simulation: Dropout runs, levels, seed.
        calibration: Learned from earlier forecasts.
        quality: The rung that the model stands on.
        version: Of the stored model; empty for one that is not stored.
        calendars: Give the sessions that are forecast.
        simulates: Whether to simulate paths, too, for the odds of the way; they cost twenty times the bands.
    """

    model: Model | None
    market: pd.Series
    simulation: SimulationConfig
    calibration: Calibration = field(default_factory=Calibration.none)
    quality: Quality = "champion"
    version: str = ""
    calendars: Calendars = STANDARD
    simulates: bool = False


@single_thread()
def fit_model(
    universe: Sequence[DailyReturns], as_of: date, config: ModelConfig, *, on_epoch: "EpochCallback"
) -> Model:
    """Train one pooled model on all tickers up to `as_of`; some of them become its reference universe.

    Tickers that are too short for the network, or that fail, are left out and named in the manifest.

    Raises:
        ModelError: No ticker, or too few sessions to train on.
    """
    known = [returns.until(as_of) for returns in universe]
    listed = [returns for returns in known if len(returns)]
    reference = draw_sample(listed, config.reference_tickers, seed=config.training.seed)
    market = compute_market_variance(reference)
    reports = [returns.reports for returns in known if returns.reports and returns.reports.dated.any()]
    report_size = pool_report_size(reports) if reports else None
    names = select_features(config.features, with_dates=bool(reports))
    chosen = config.model_copy(update={"features": names})
    tickers, left_out = _build_trainable(known, market, chosen, report_size=report_size or PRIOR_SIZE)
    no_correction = refuse_correction(len(tickers), config)
    log_har = fit_log_har(tickers, names, config.log_har)
    fitted = _fit_heads(tickers, log_har, chosen, on_epoch=on_epoch)
    network, split = fitted.network, fitted.split
    coefficients = fit_market(market[: pd.Timestamp(split.trained_through)].to_numpy(np.float64))
    residuals = collect_residuals(
        lambda past: expect_log_scale(network, past, weight=0.0 if no_correction else 1.0),
        fitted.past,
        split,
        market=market,
        coefficients=coefficients,
    )
    manifest = Manifest(
        edition=EDITION,
        config=config,
        features=names,
        reference=tuple(sorted(returns.ticker for returns in reference)),
        trained_through=split.trained_through,
        left_out=left_out,
        no_correction=no_correction,
    )
    return Model(manifest, network, residuals, coefficients, log_har, fitted.metrics, report_size)


def refuse_correction(tickers: int, config: ModelConfig) -> str:
    """Return why the network's corrections stay out of the bands; empty where they enter.

    On 40 tickers they do harm, on 126 a little good, on 500 more (measured).

    Args:
        tickers: Number that the network is trained on.
        config: Whether they enter, and how many tickers that takes.
    """
    if config.correction == "off":
        return "switched off"
    if config.correction == "auto" and tickers < config.correction_tickers:
        return f"trained on {format_count(tickers, 'ticker')}, fewer than {config.correction_tickers}"
    return ""


class _Heads(NamedTuple):
    """The fitted network, its metrics, the sessions that it saw, and what is left of each ticker."""

    network: StackedLSTM
    metrics: Mapping[str, float]
    split: Split
    past: Sequence[PastSessions]


def _fit_heads(
    tickers: list[TickerFeatures], log_har: LogHar, config: ModelConfig, *, on_epoch: "EpochCallback"
) -> _Heads:
    """Fit the network to what the linear part leaves; empty the list, whose features take half a gigabyte."""
    from forecasting.model.training import fit_network  # Lightning imports for seconds; a forecast needs none

    knots, inputs = config.network.knots, choose_inputs(config.features, config.network)
    log_scales = [log_har.log_scales(ticker.features, ticker.windows, knots) for ticker in tickers]
    data = TrainingSet.stack(tickers, log_scales, inputs=inputs, knots=knots, config=config.training)
    past = keep_past_sessions(tickers, log_scales, inputs)
    tickers.clear()
    log_scales.clear()
    return_freed_memory()
    split = split_by_session(data, config.training)
    network = build_network(config)
    metrics = fit_network(network, data, split, linear=log_har, config=config.training, on_epoch=on_epoch)
    return _Heads(network.eval(), metrics, split, past)


def forecast_ticker(forecaster: Forecaster, returns: DailyReturns, session: date) -> Forecast:
    """Forecast one ticker from the close of one session; nothing after it is looked at.

    The bands that come out may be published: a rung of the ladder that cannot make such raises.

    Args:
        forecaster: Model, market, simulation and calibration.
        returns: The ticker's daily returns, on the model's price basis where there is a model.
        session: The session to forecast from.

    Raises:
        PriceError: The ticker cannot be forecast from there; the subclass names the reason.
        ModelError: The model fails for this ticker: its bands cannot be made, or must not be published.
        UsageError: The returns are on another price basis than the model's.
    """
    model, ticker = forecaster.model, returns.ticker
    if model is None:
        return _forecast_last_rung(forecaster, returns, session)
    if returns.basis != (basis := model.manifest.config.price_basis):
        raise UsageError(f"Expected returns on the model's basis {basis}, found {returns.basis}.")
    with attribute_to_model(forecaster.version, ticker):
        return _forecast(forecaster, returns, session)


def _forecast_last_rung(forecaster: Forecaster, returns: DailyReturns, session: date) -> Forecast:
    """Forecast by the random walk; where it fails, no rung is left and the fault is the ticker's."""
    try:
        with attribute_to_ticker(returns.ticker):
            return _forecast(forecaster, returns, session)
    except RungFailedError as error:
        raise UnexpectedError(returns.ticker, describe_error(error)) from error


def _forecast(forecaster: Forecaster, returns: DailyReturns, session: date) -> Forecast:
    """Forecast one ticker from one rung, and check the bands."""
    known = returns.at(session)
    market = forecaster.market[: pd.Timestamp(session)]
    targets = find_targets(
        known.ticker, session, forecaster.simulation.horizon, calendars=forecaster.calendars
    )
    model, calibration = forecaster.model, forecaster.calibration
    reports_ahead = known.count_reports(forecaster.simulation.horizon)
    if model is None:
        bands, calibration = _build_cone(forecaster, known, market), Calibration.none()
    else:
        bands = _build_bands(forecaster, model, known, market=market, reports_ahead=reports_ahead)
    digest = hashlib.sha256(known.fingerprint().encode() + market.to_numpy().tobytes())
    forecast = Forecast(
        ticker=known.ticker,
        as_of=session,
        anchor_close=float(known.close[-1]),
        target_sessions=targets,
        levels=forecaster.simulation.levels,
        log_returns=bands.log_returns,
        model_variance=bands.model_variance,
        noise_variance=bands.noise_variance,
        quality=forecaster.quality if forecaster.model else "baseline",
        data_fingerprint=digest.hexdigest()[:16],
        regime=bands.regime,
        n_outcomes=calibration.count_outcomes(forecaster.simulation.horizon),
        price_basis=known.basis,
        model_version=forecaster.version,
        reports_ahead=reports_ahead,
        odds=bands.odds,
        refined=bands.refined,
    )
    return check_bands(forecast, forecaster.simulation, random_walks=bands.random_walks)


def build_last_window(returns: DailyReturns, market: pd.Series, report_size: float = PRIOR_SIZE) -> Lookback:
    """Return the (W,) trailing window of the last session.

    Raises:
        ShortHistoryError: Fewer sessions than the current volatility needs.
    """
    if len(returns) <= WARM_UP:
        raise ShortHistoryError(returns.ticker, found=len(returns), needed=WARM_UP + 1)
    return build_lookbacks(returns, market, report_size)[-1]


class _Bands(NamedTuple):
    """(H, Q) quantiles of each band, (H,) variances, the regime at issue, (H,) widths for the check."""

    log_returns: Mapping[Band, Floats]
    model_variance: Floats
    noise_variance: Floats
    regime: Regime
    refined: Floats
    random_walks: tuple[Floats, Floats]
    odds: PathOdds | None = None


def _build_bands(
    forecaster: Forecaster,
    model: Model,
    returns: DailyReturns,
    *,
    market: pd.Series,
    reports_ahead: Sequence[int] | None,
) -> _Bands:
    config = forecaster.simulation
    lookback = model.manifest.config.training.lookback
    ticker = build_ticker_features(
        returns,
        market,
        model.manifest.features,
        lookback=lookback,
        newest=lookback,
        report_size=model.pool_report_size,
    )
    runs = forecast_heads(model, ticker, config, as_of=returns.last_session)
    predictive = bound_medians(runs.quantiles(config.levels), config)
    regime = classify_regime(ticker.window.market)
    calibrated = forecaster.calibration.apply(
        returns.ticker, regime, predictive, levels=config.levels, reports_ahead=reports_ahead
    )
    bands: dict[Band, Floats] = {
        "mc_dropout": bound_medians(runs.mixture_quantiles(config.levels), config),
        "predictive": predictive,
        "calibrated": calibrated,
        "random_walk": forecast_random_walk(ticker.window, config),
    }
    refined = bound_medians(runs.quantiles(CALIBRATED_LEVELS), config.at_levels(CALIBRATED_LEVELS))
    refined = refine_calibrated(refined, predictive, calibrated, levels=config.levels)
    odds = None
    if forecaster.simulates and config.horizon >= WITHIN[0]:
        fine = bound_medians(runs.quantiles(RESIDUAL_LEVELS), config.at_levels(RESIDUAL_LEVELS))
        fine = calibrate_finely(fine, predictive, calibrated, levels=config.levels)
        paths = simulate_paths(model, ticker, config, as_of=returns.last_session)
        odds = measure_odds(couple_paths(paths, fine), config.levels)
    random_walks = bracket_widths(ticker.window, config)
    return _Bands(bands, runs.model_variance, runs.noise_variance, regime, refined, random_walks, odds)


def _build_cone(forecaster: Forecaster, returns: DailyReturns, market: pd.Series) -> _Bands:
    window, horizons = build_last_window(returns, market), np.arange(1, forecaster.simulation.horizon + 1)
    cone = forecast_random_walk(window, forecaster.simulation)
    random_walks = bracket_widths(window, forecaster.simulation)
    refined = forecast_random_walk(window, forecaster.simulation.at_levels(CALIBRATED_LEVELS))
    bands: dict[Band, Floats] = {"predictive": cone, "calibrated": cone, "random_walk": cone}
    variance = window.volatility**2 * horizons
    return _Bands(
        bands, np.zeros(len(horizons)), variance, classify_regime(window.market), refined, random_walks
    )


def _build_trainable(
    universe: Iterable[DailyReturns], market: pd.Series, config: ModelConfig, *, report_size: float
) -> tuple[list[TickerFeatures], dict[str, str]]:
    """Return the features of every ticker that can be trained on, and the reason of every one that cannot.

    Raises:
        ModelError: None is.
    """
    names, lookback = select_features(config.features), config.training.lookback
    tickers: list[TickerFeatures] = []
    left_out: dict[str, str] = {}
    for returns in universe:
        try:
            with attribute_to_ticker(returns.ticker):
                tickers.append(
                    build_ticker_features(returns, market, names, lookback=lookback, report_size=report_size)
                )
        except PriceError as error:
            left_out[returns.ticker] = str(error)
    if not tickers:
        raise ModelError("Expected at least one ticker with enough history to train on, found none.")
    return tickers, left_out
