"""Daily returns: a twin in pandas on adjusted bars, causality to the bit, and realised returns by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_prices import PRICES, make_actions, make_history, returns_of_closes

from forecasting.errors import ShortHistoryError, StaleHistoryError
from forecasting.features.lookback import WARM_UP
from forecasting.features.returns import DailyReturns, compute_daily_returns, fingerprint_universe
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats, PriceBasis, values

SESSIONS = 140
COLUMNS = ("session", "close", "log_factor", "log_return", "range_variance", "surprise")
BASES = values(PriceBasis)
both_bases = pytest.mark.parametrize("basis", BASES)
unhurried = settings(max_examples=40)

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]


def act(history: PriceHistory, splits: Mapping[int, float], dividends: Mapping[int, float]) -> PriceHistory:
    """The history with actions at the sessions of these indices; prices fall at a split."""
    bars, days = history.bars.copy(), history.bars.index
    for index, ratio in splits.items():
        bars.loc[days[index] :, PRICES] /= ratio
        bars.loc[days[index] :, "volume"] *= ratio
    by_date = [{days[index].date(): value for index, value in each.items()} for each in (splits, dividends)]
    return replace(history, bars=bars, actions=make_actions(*by_date))


def blank(history: PriceHistory) -> PriceHistory:
    """The history with prices and volumes missing here and there; only the close is always there."""
    bars = history.bars.copy()
    for index, column in ((5, "open"), (70, "high"), (90, "low"), (100, "volume"), (130, "open")):
        bars.loc[bars.index[index], column] = np.nan
    bars.loc[bars.index[110], "volume"] = 0.0
    return replace(history, bars=bars)


PLAIN = make_history("ACME", SESSIONS, seed=21)
HISTORIES = {
    "no action": PLAIN,
    "splits": act(PLAIN, {40: 2.0, 80: 0.1, 120: 1.5}, {}),
    "dividends": act(PLAIN, {}, {30: 0.7, 31: 0.2, 90: 1.1}),
    "a split on the ex-date of a dividend": act(PLAIN, {80: 4.0}, {80: 0.3}),
    "a split the day before a dividend": act(PLAIN, {79: 4.0}, {80: 0.3}),
    "actions at the first session and at the last": act(PLAIN, {0: 3.0, 139: 2.0}, {0: 0.4, 139: 0.2}),
    "missing values and actions": blank(act(PLAIN, {70: 2.0, 100: 0.5}, {70: 0.3, 90: 0.5})),
    "actions on days without a bar": replace(
        PLAIN,
        bars=act(PLAIN, {81: 2.0}, {}).bars.drop(PLAIN.bars.index[80]),
        actions=make_actions(
            {PLAIN.bars.index[80].date(): 2.0}, {PLAIN.bars.index[80].date(): 0.4, date(2020, 1, 1): 9.0}
        ),
    ),
}
each_history = pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)


@st.composite
def acted_histories(draw: st.DrawFn) -> PriceHistory:
    sessions = st.integers(0, SESSIONS - 1)
    splits = draw(st.dictionaries(sessions, st.sampled_from([0.1, 0.5, 1.5, 2.0, 7.0]), max_size=3))
    dividends = draw(st.dictionaries(sessions, st.floats(0.01, 0.5), max_size=3))
    return act(make_history("ACME", SESSIONS, seed=draw(st.integers(0, 99))), splits, dividends)


def weigh(squares: pd.Series) -> pd.Series:
    weights = 0.94 ** np.arange(WARM_UP - 1, -1, -1.0)
    return squares.rolling(WARM_UP).apply(lambda last: np.average(last, weights=weights), raw=True)


def build_twin(history: PriceHistory, basis: PriceBasis) -> pd.DataFrame:
    """The columns from bars that were adjusted to the last session."""
    bars = adjust(history, history.last_session, basis)
    log_return = np.log(bars["close"]).diff()
    body, width = np.log(bars["close"] / bars["open"]), np.log(bars["high"] / bars["low"])
    hours = (0.5 * width**2 - (2 * np.log(2) - 1) * body**2).clip(lower=0)
    variance = hours + np.log(bars["open"] / bars["close"].shift()) ** 2
    volume = bars["volume"].replace(0.0, np.nan)
    crowd = np.log(volume / volume.rolling(60, min_periods=20).median().shift())
    deviations = log_return.abs() / np.sqrt(weigh(log_return**2)).shift()
    return pd.DataFrame(
        {
            "close": history.bars["close"],
            "log_return": log_return,
            "range_variance": variance.fillna(log_return**2),
            "surprise": (deviations - 1).clip(0, 6) * (crowd - 0.4).clip(0, 1.5),
        }
    )


def assert_equal_to_twin(history: PriceHistory, basis: PriceBasis) -> None:
    returns, twin = compute_daily_returns(history, basis), build_twin(history, basis)
    for name in twin:
        np.testing.assert_allclose(getattr(returns, name), twin[name], rtol=1e-9, atol=1e-11, err_msg=name)
    steps = np.diff(np.log(returns.close) + returns.log_factor)
    np.testing.assert_allclose(steps, twin["log_return"].iloc[1:], atol=1e-11)
    assert (returns.ticker, returns.basis) == (history.ticker, basis)
    assert returns.session.tolist() == [stamp.date() for stamp in history.bars.index]


@both_bases
@each_history
def test_the_columns_equal_their_twins_on_adjusted_bars(history: PriceHistory, basis: PriceBasis) -> None:
    assert_equal_to_twin(history, basis)


@unhurried
@given(acted_histories(), st.sampled_from(BASES))
def test_the_columns_equal_their_twins_for_any_actions(history: PriceHistory, basis: PriceBasis) -> None:
    assert_equal_to_twin(history, basis)


def assert_same_bits(found: DailyReturns, expected: DailyReturns) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.fingerprint() == expected.fingerprint()


@both_bases
@pytest.mark.parametrize("end", [1, 2, WARM_UP, WARM_UP + 2, 79, 80, 81, 100, 139])
@each_history
def test_a_history_that_ends_earlier_has_the_columns_of_the_slice(
    history: PriceHistory, end: int, basis: PriceBasis
) -> None:
    cut = history.bars.index[end - 1].date()
    whole = compute_daily_returns(history, basis)
    assert_same_bits(compute_daily_returns(history.until(cut), basis), whole.until(cut))
    assert len(whole.until(cut)) == end


@unhurried
@given(acted_histories(), st.sampled_from(BASES), st.integers(0, SESSIONS - 1))
def test_no_column_depends_on_a_later_bar_split_or_dividend(
    history: PriceHistory, basis: PriceBasis, end: int
) -> None:
    cut = history.bars.index[end].date()
    later = {
        date(2024, 6, 6): 7.0,
        **{day.date(): 3.0 for day in history.bars.index[end + 1 : end + 3]},
    }
    other = replace(history, bars=history.bars.copy())
    other.bars.loc[pd.Timestamp(cut) + pd.Timedelta(days=1) :] *= 1.7
    known = history.until(cut).actions
    payout = 0.02 * float(history.bars["close"].min())  # below any close, also after the splits
    surprised = make_actions(
        {**{day.date(): ratio for day, ratio in known["split"].items()}, **later},
        {**{day.date(): paid for day, paid in known["dividend"].items()}, **dict.fromkeys(later, payout)},
    )
    before = compute_daily_returns(history, basis).until(cut)
    assert_same_bits(compute_daily_returns(replace(other, actions=surprised), basis).until(cut), before)


@both_bases
def test_the_unit_of_the_prices_changes_the_close_alone(basis: PriceBasis) -> None:
    history = HISTORIES["missing values and actions"]
    bars, actions = history.bars.copy(), history.actions.copy()
    bars[PRICES] *= 100
    actions["dividend"] *= 100
    pounds = compute_daily_returns(history, basis)
    pence = compute_daily_returns(replace(history, bars=bars, actions=actions), basis)
    np.testing.assert_allclose(pence.close, 100 * pounds.close)
    for name in COLUMNS[2:]:
        np.testing.assert_allclose(getattr(pence, name), getattr(pounds, name), atol=1e-11, err_msg=name)


def small(
    closes: list[float], basis: PriceBasis = "split_adjusted", **actions: Mapping[int, float]
) -> DailyReturns:
    """Closes of DAYS as traded; `splits` and `dividends` by index of their ex-date."""
    by_date = {name: {DAYS[index]: value for index, value in each.items()} for name, each in actions.items()}
    bars = as_bars(pd.DataFrame({"close": closes}, index=pd.DatetimeIndex(DAYS[: len(closes)])))
    return compute_daily_returns(PriceHistory("ACME", bars, make_actions(**by_date)), basis)


@pytest.mark.parametrize("anchor", [None, 100.0])
def test_realised_returns_lead_from_the_anchor_to_each_target(anchor: float | None) -> None:
    found = small([100, 110, 99, 120]).realised(DAYS[0], DAYS[1:], anchor)
    assert found == pytest.approx(np.log([1.1, 0.99, 1.2]))


def test_a_revised_anchor_counts_as_it_was_issued() -> None:
    revised = small([80, 110, 99, 120])
    assert revised.realised(DAYS[0], DAYS[1:2]) == pytest.approx(np.log([110 / 80]))
    assert revised.realised(DAYS[0], DAYS[1:2], 100.0) == pytest.approx(np.log([1.1]))


@pytest.mark.parametrize("anchor", [None, 100.0])
@both_bases
def test_splits_after_the_anchor_are_no_returns(anchor: float | None, basis: PriceBasis) -> None:
    split = small([100, 55, 11, 12], basis, splits={1: 2.0, 2: 5.0})
    assert split.realised(DAYS[0], DAYS[1:], anchor) == pytest.approx(np.log([1.1, 1.1, 1.2]))
    assert split.realised(DAYS[1], DAYS[2:]) == pytest.approx(np.log([1.0, 12 / 11]))


def test_a_split_on_the_day_of_the_anchor_is_in_its_close() -> None:
    split = small([200, 100, 110], splits={1: 2.0})
    assert split.realised(DAYS[1], DAYS[2:3], 100.0) == pytest.approx(np.log([1.1]))


def test_a_dividend_is_earned_on_total_return_and_lost_on_the_split_adjusted_price() -> None:
    paid = {1: 2.0}
    assert small([100, 98, 99], dividends=paid).realised(DAYS[0], DAYS[1:3]) == pytest.approx(
        np.log([0.98, 0.99])
    )
    total = small([100, 98, 99], "total_return", dividends=paid)
    assert total.realised(DAYS[0], DAYS[1:3]) == pytest.approx(np.log([1.0, 99 / 98]))
    assert total.realised(DAYS[0], DAYS[1:3], 100.0) == pytest.approx(np.log([1.0, 99 / 98]))
    assert total.realised(DAYS[1], DAYS[2:3]) == pytest.approx(np.log([99 / 98]))  # paid before


def test_a_dividend_on_the_day_of_a_split_is_per_new_share() -> None:
    total = small([100, 49], "total_return", splits={1: 2.0}, dividends={1: 1.0})
    assert total.realised(DAYS[0], DAYS[1:2]) == pytest.approx([0.0], abs=1e-12)


def test_a_target_without_a_bar_or_an_anchor_without_a_close_is_unknown() -> None:
    returns = small([100, 110])
    targets = [DAYS[1], DAYS[2], date(2024, 1, 1), date(2030, 1, 2)]
    assert np.isnan(returns.realised(DAYS[0], targets)).tolist() == [False, True, True, True]
    assert np.isnan(returns.realised(DAYS[0], targets, 100.0)).tolist() == [False, True, True, True]
    assert np.isnan(returns.realised(date(2024, 1, 1), targets[:1])).all()
    assert returns.realised(date(2024, 1, 1), targets[:1], 100.0) == pytest.approx(np.log([1.1]))
    assert returns.realised(DAYS[0], np.array([], "datetime64[D]")).shape == (0,)


def test_nothing_is_realised_without_bars() -> None:
    nothing = small([100, 110]).until(date(2023, 12, 29))
    for anchor in (None, 100.0):
        assert np.isnan(nothing.realised(DAYS[0], DAYS[1:3], anchor)).tolist() == [True, True]


def test_returns_are_cut_at_a_session_or_before_a_day_without_one() -> None:
    returns = small([100, 110, 99, 120])
    assert returns.until(DAYS[1]).last_session == DAYS[1]
    assert returns.until(date(2024, 1, 7)).last_session == DAYS[3]
    assert len(returns.until(date(2024, 1, 1))) == 0
    assert returns.at(DAYS[2]).log_return[1:] == pytest.approx(np.log([1.1, 0.9]))


def test_returns_without_the_session_are_stale_and_without_bars_short() -> None:
    returns = small([100, 110])
    with pytest.raises(StaleHistoryError, match="a bar for session 2024-01-04, found the last at 2024-01-03"):
        returns.at(DAYS[2])
    with pytest.raises(ShortHistoryError, match="found 0"):
        returns.at(date(2024, 1, 1))


def test_the_newest_returns_are_at_most_so_many() -> None:
    returns = small([100, 110, 99, 120])
    assert returns.newest(2, needed=3) == pytest.approx(np.log([0.9, 120 / 99]))
    assert len(returns.newest(10, needed=3)) == 3
    with pytest.raises(ShortHistoryError, match="at least 5 sessions of history, found 4"):
        returns.newest(2, needed=4)


def shake(column: Floats) -> Floats:
    return column + 1e-12 * np.arange(1, len(column) + 1)


@pytest.mark.parametrize("name", COLUMNS[1:])
def test_every_column_is_in_the_fingerprint(name: str) -> None:
    returns = compute_daily_returns(PLAIN, "split_adjusted")
    changes: dict[str, Any] = {name: shake(getattr(returns, name))}
    other = replace(returns, **changes)
    assert other.fingerprint() != returns.fingerprint()
    assert returns.fingerprint() == compute_daily_returns(PLAIN, "split_adjusted").fingerprint()
    later = replace(returns, session=returns.session + np.timedelta64(1, "D"))
    assert later.fingerprint() != returns.fingerprint()


def test_one_bar_has_no_return_yet() -> None:
    first = returns_of_closes([100.0])
    assert len(first) == 1
    assert np.isnan(first.log_return).all()
    assert np.isnan(first.range_variance).all()


def test_the_fingerprint_of_a_universe_does_not_depend_on_its_order(universe: Sequence[DailyReturns]) -> None:
    fingerprint = fingerprint_universe(universe)
    assert fingerprint == fingerprint_universe(universe[::-1])
    assert fingerprint != fingerprint_universe(universe[:2])
    assert fingerprint != fingerprint_universe([replace(universe[0], ticker="OTHER"), *universe[1:]])
