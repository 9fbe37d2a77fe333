"""The direct regression under odd but legal prices: it stays near the random walk by itself."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import AS_OF, make_actions

from forecasting.baselines.random_walk import forecast_random_walk
from forecasting.config import LogHarConfig, SimulationConfig
from forecasting.features.market import compute_market_variance
from forecasting.features.registry import select_features
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.model.dataset import build_ticker_features
from forecasting.model.log_har import LogHar, fit_log_har
from forecasting.pipeline import build_last_window
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

KNOWN, AHEAD = 523, 231  # sessions before the fit, and after it
NAMES = select_features(())
SIMULATION = SimulationConfig()
LARGEST_RATIO = 3.0


def make_share(ticker: str, volatility: Floats, seed: int) -> DailyReturns:
    """Daily returns with a volatility by session; ranges and volume are those of a share."""
    rng, sessions = np.random.default_rng(seed), len(volatility)
    days = pd.bdate_range(end=AS_OF, periods=sessions)
    close = 50 * np.exp(np.cumsum(volatility * rng.standard_t(6, sessions) / 1.22))
    opened = np.append(50.0, close[:-1]) * np.exp(0.3 * volatility * rng.standard_normal(sessions))
    reach = np.exp(0.4 * volatility * np.abs(rng.standard_normal((2, sessions))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    volume = 2e6 * np.exp(rng.normal(0, 0.4, sessions))
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    bars = as_bars(pd.DataFrame(columns, index=days))
    return compute_daily_returns(PriceHistory(ticker, bars, make_actions()), "split_adjusted")


def make_universe(turns: Sequence[tuple[float, float]], seed: int) -> list[DailyReturns]:
    """One share for each pair of volatilities a session: before and after the fit."""
    sessions = np.arange(KNOWN + AHEAD)
    return [
        make_share(f"AA{chr(65 + index)}", np.where(sessions < KNOWN, before, after), seed + index)
        for index, (before, after) in enumerate(turns)
    ]


def fit(universe: Sequence[DailyReturns], as_of: date, config: LogHarConfig) -> LogHar:
    known = [returns.until(as_of) for returns in universe]
    market = compute_market_variance(known)
    features = [build_ticker_features(returns, market, NAMES, lookback=60) for returns in known]
    return fit_log_har(features, NAMES, config)


def find_ratios(model: LogHar, universe: Sequence[DailyReturns]) -> Floats:
    """(N, H) widths of the 90 % band in units of the random walk's, every ten sessions after the fit."""
    market, ratios = compute_market_variance(universe), []
    for returns in universe:
        for session in returns.session[KNOWN + 9 :: 10]:
            known = returns.until(session.astype("datetime64[D]").item())
            window = build_last_window(known, market[: pd.Timestamp(session)])
            widths = [
                np.ptp(quantiles[:, [0, -1]], axis=1)
                for quantiles in (
                    model.forecast(window, SIMULATION),
                    forecast_random_walk(window, SIMULATION),
                )
            ]
            ratios.append(widths[0] / widths[1])
    return np.array(ratios)


CALM, USUAL, WILD = 0.008, 0.015, 0.05


@pytest.mark.parametrize(
    "turns",
    [
        [(WILD, CALM), (USUAL, USUAL), (USUAL, USUAL), (USUAL, USUAL)],  # one share turns calm
        [(WILD, 0.002), (USUAL, USUAL), (USUAL, USUAL), (USUAL, USUAL)],
        [(CALM, WILD), (USUAL, USUAL), (USUAL, USUAL), (USUAL, USUAL)],  # or wild
        [(WILD, CALM), (WILD, CALM), (WILD, CALM)],  # the whole market turns calm
        [(CALM, WILD), (CALM, WILD), (CALM, WILD)],
        [(WILD, CALM)],  # a universe of one
    ],
    ids=["calm", "still", "wild", "calm market", "wild market", "one calm"],
)
def test_bands_stay_within_three_times_the_random_walk_whatever_a_share_turns_into(
    turns: list[tuple[float, float]],
) -> None:
    universe = make_universe(turns, seed=3)
    as_of = universe[0].session[KNOWN - 1].astype("datetime64[D]").item()
    ratios = find_ratios(fit(universe, as_of, LogHarConfig()), universe)
    assert ratios.max() < LARGEST_RATIO
    assert ratios.min() > 1 / LARGEST_RATIO
