"""Every feature against a twin written in pandas, at every session."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_actions, make_history

from forecasting.features.lookback import WARM_UP, WINDOW
from forecasting.features.registry import FEATURES
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.model.dataset import build_ticker_features
from forecasting.prices.history import PriceHistory

SESSIONS = 700  # more than the longest window, so that its far edge is seen too
FLOOR = 1e-5


Twin = Callable[[pd.DataFrame, pd.Series], pd.Series]


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    bars = make_history("TWIN", SESSIONS, seed=11).bars
    bars.loc[bars.index[200:260], ["high", "low"]] = np.nan
    bars["volume"] = 1e6 * np.exp(np.random.default_rng(13).normal(0, 0.8, SESSIONS))
    bars.loc[bars.index[300:310], "volume"] = 0.0
    return bars


@pytest.fixture(scope="module")
def known_market(bars: pd.DataFrame) -> pd.Series:
    rng = np.random.default_rng(12)
    return pd.Series(np.exp(rng.normal(0, 0.5, 600)), bars.index[50:650])  # starts late and ends early


@pytest.fixture(scope="module")
def returns(bars: pd.DataFrame) -> DailyReturns:
    return compute_daily_returns(PriceHistory("TWIN", bars, make_actions()), "split_adjusted")


def weighted(values: pd.Series, decay: float) -> pd.Series:
    weights = decay ** np.arange(WARM_UP - 1, -1, -1.0)
    return values.rolling(WARM_UP).apply(lambda last: np.average(last, weights=weights), raw=True)


def returns_of(bars: pd.DataFrame) -> pd.Series:
    return np.log(bars["close"]).diff()


def long_run_of(bars: pd.DataFrame) -> pd.Series:
    return np.sqrt((returns_of(bars) ** 2).rolling(WINDOW, min_periods=1).mean())


def ranges_of(bars: pd.DataFrame) -> pd.Series:
    high_low, close_open = np.log(bars["high"] / bars["low"]), np.log(bars["close"] / bars["open"])
    session = (0.5 * high_low**2 - (2 * np.log(2) - 1) * close_open**2).clip(lower=0)
    night = np.log(bars["open"] / bars["close"].shift()) ** 2
    return (session + night).fillna(returns_of(bars) ** 2)


def log_volatility(variance: pd.Series, volatility: pd.Series | float) -> pd.Series:
    return np.log(np.sqrt(variance) / volatility).clip(-4, 4)


def volatility_of(bars: pd.DataFrame) -> pd.Series:
    return np.maximum(np.sqrt(weighted(returns_of(bars) ** 2, 0.94)), 0.1 * long_run_of(bars))


def twin_of_return_over_volatility(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    return (returns_of(bars) / volatility_of(bars)).clip(-10, 10)


def twin_of_bollinger_position(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    middle, deviation = bars["close"].rolling(20).mean(), bars["close"].rolling(20).std(ddof=0)
    lower, upper = middle - 2 * deviation, middle + 2 * deviation
    return (bars["close"] - lower) / (upper - lower)


def twin_of_rsi(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    gain = returns_of(bars).clip(lower=0).rolling(14).mean()
    loss = (-returns_of(bars)).clip(lower=0).rolling(14).mean()
    return 1 - 1 / (1 + gain / loss)


def twin_of_moving_average_gap(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    gap = np.log(bars["close"].rolling(10).mean() / bars["close"].rolling(50).mean())
    return (gap / (long_run_of(bars) * np.sqrt(50))).clip(-5, 5)


def twin_of_momentum(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    return (np.log(bars["close"] / bars["close"].shift(60)) / (long_run_of(bars) * np.sqrt(60))).clip(-5, 5)


def twin_of_downside_share(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    squares = returns_of(bars) ** 2
    return squares.where(returns_of(bars) < 0, 0).rolling(21).sum() / squares.rolling(21).sum()


def twin_of_long_run_level(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
    return (np.log(long_run_of(bars)) + 4).clip(-8, 3)


def twin_of_volatility(decay: float) -> Twin:
    return lambda bars, _: log_volatility(weighted(returns_of(bars) ** 2, decay), long_run_of(bars))


def twin_of_range(decay: float) -> Twin:
    return lambda bars, _: log_volatility(weighted(ranges_of(bars), decay), long_run_of(bars))


def twin_of_market(decay: float) -> Twin:
    return lambda bars, market: log_volatility(
        weighted(market.reindex(bars.index).ffill().fillna(1.0), decay), 1.0
    )


def surprises_of(bars: pd.DataFrame) -> pd.Series:
    volatility = np.sqrt(weighted(returns_of(bars) ** 2, 0.94)).shift()
    volume = bars["volume"].replace(0.0, np.nan)
    crowd = np.log(volume / volume.rolling(60, min_periods=20).median().shift())
    return (returns_of(bars).abs() / volatility - 1).clip(0, 6) * (crowd - 0.4).clip(0, 1.5)


def twin_of_quarter(quarters: int) -> Twin:
    """The next session, so many quarters ago, and the three on each side of it with falling weights."""

    def twin(bars: pd.DataFrame, _: pd.Series) -> pd.Series:
        score = surprises_of(bars)
        usual = score.rolling(WINDOW, min_periods=1).mean().fillna(0.0)
        shifted = [score.shift(63 * quarters - 1 + early).fillna(usual) for early in range(-3, 4)]
        return sum((4 - abs(early)) / 16 * each for early, each in zip(range(-3, 4), shifted, strict=True))

    return twin


TWINS: dict[str, Twin] = {
    "return_over_volatility": twin_of_return_over_volatility,
    "bollinger_position": twin_of_bollinger_position,
    "rsi": twin_of_rsi,
    "moving_average_gap": twin_of_moving_average_gap,
    "momentum": twin_of_momentum,
    "downside_share": twin_of_downside_share,
    "volatility_60": twin_of_volatility(0.6),
    "volatility_86": twin_of_volatility(0.86),
    "volatility_94": twin_of_volatility(0.94),
    "volatility_flat": twin_of_volatility(1.0),
    "range_50": twin_of_range(0.5),
    "range_86": twin_of_range(0.86),
    "range_97": twin_of_range(0.97),
    "market_80": twin_of_market(0.8),
    "market_94": twin_of_market(0.94),
    "market_flat": twin_of_market(1.0),
    "long_run_level": twin_of_long_run_level,
    **{f"quarter_{back}": twin_of_quarter(back) for back in range(1, 5)},
    # Without dates every session is an ordinary one; tests of the reports have twins with dates.
    "leverage": lambda bars, _: (weighted(returns_of(bars), 0.9) / volatility_of(bars)).clip(-1.5, 1.5),
    "ordinary_level": twin_of_long_run_level,
    "report_excess": lambda bars, _: 0 * returns_of(bars),
    "ordinary_60": twin_of_volatility(0.6),
    "ordinary_86": twin_of_volatility(0.86),
    "ordinary_94": twin_of_volatility(0.94),
    "ordinary_flat": twin_of_volatility(1.0),
    "ordinary_range_50": twin_of_range(0.5),
    "ordinary_range_86": twin_of_range(0.86),
    "ordinary_range_97": twin_of_range(0.97),
    "report_growth": lambda bars, _: 0 * returns_of(bars),
    "report_count": lambda bars, _: 0 * returns_of(bars),
    **{f"undated_quarter_{back}": twin_of_quarter(back) for back in range(1, 5)},
}


def test_every_feature_has_a_twin() -> None:
    assert TWINS.keys() == FEATURES.keys()


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_equals_its_twin_at_every_session(
    name: str, returns: DailyReturns, bars: pd.DataFrame, known_market: pd.Series
) -> None:
    found = build_ticker_features(returns, known_market, (name,), lookback=20).features[:, 0]
    twin = TWINS[name](bars, known_market).to_numpy()[WARM_UP:]
    assert len(found) == SESSIONS - WARM_UP
    np.testing.assert_allclose(found, twin, rtol=1e-7, atol=1e-9)


def test_targets_and_volatility_equal_their_twins(
    returns: DailyReturns, bars: pd.DataFrame, known_market: pd.Series
) -> None:
    found = build_ticker_features(returns, known_market, ("rsi",), lookback=20)
    volatility = np.sqrt(weighted(returns_of(bars) ** 2, 0.94))
    target = (returns_of(bars).shift(-1) / volatility).to_numpy()[WARM_UP:]
    np.testing.assert_allclose(found.volatility, volatility.to_numpy()[WARM_UP:], rtol=1e-9)
    np.testing.assert_allclose(found.target, target, rtol=1e-9)
    np.testing.assert_allclose(found.range_next, ranges_of(bars).shift(-1).to_numpy()[WARM_UP:], rtol=1e-9)


def test_the_window_of_a_ticker_is_that_of_its_last_session(
    returns: DailyReturns, bars: pd.DataFrame, known_market: pd.Series
) -> None:
    window = build_ticker_features(returns, known_market, ("rsi",), lookback=20).window
    np.testing.assert_allclose(window.returns, returns_of(bars).to_numpy()[-WINDOW:], rtol=1e-12)
    np.testing.assert_allclose(window.ranges, ranges_of(bars).to_numpy()[-WINDOW:], rtol=1e-9)
    assert window.market[-1] == known_market.iloc[-1]  # the newest that is known


@pytest.mark.parametrize("newest", [1, 20, SESSIONS])
def test_the_newest_sessions_alone_have_the_same_features(
    newest: int, returns: DailyReturns, known_market: pd.Series
) -> None:
    names = tuple(FEATURES)
    whole = build_ticker_features(returns, known_market, names, lookback=20)
    part = build_ticker_features(returns, known_market, names, lookback=20, newest=newest)
    assert len(part) == min(newest, SESSIONS - WARM_UP)
    np.testing.assert_array_equal(part.features, whole.features[-len(part) :])
    np.testing.assert_array_equal(part.target, whole.target[-len(part) :])
    np.testing.assert_array_equal(part.windows.surprises, whole.windows.surprises[-len(part) :])
