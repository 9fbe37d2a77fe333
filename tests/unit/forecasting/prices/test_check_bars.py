"""The failure contract of price histories: each fault is refused by name, with session and value."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_actions

from forecasting.errors import (
    BadBarsError,
    BadRangeError,
    NonPositivePriceError,
    PriceJumpError,
    UnknownTickerError,
)
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.prices.validation import check_bars, check_size

DAYS = pd.bdate_range("2024-06-03", periods=4)


def history(
    days: pd.DatetimeIndex = DAYS,
    split: list[float] | None = None,
    dividend: list[float] | None = None,
    **columns: Any,
) -> PriceHistory:
    size = len(days)
    plain = {"open": 10.0, "high": 10.5, "low": 9.5, "close": 10.0, "volume": 100.0}
    frame = pd.DataFrame({name: np.full(size, value) for name, value in plain.items()}, index=days)
    acted = pd.DataFrame({"split": split or [1.0] * size, "dividend": dividend or [0.0] * size}, index=days)
    return PriceHistory("ACME", as_bars(frame.assign(**columns)), as_actions(acted))


def test_good_bars_pass() -> None:
    check_bars(history())
    check_bars(history(split=[1, 1, 2, 1], close=[20, 20, 10, 10], high=20.5, low=9.5, dividend=[0, 1, 0, 0]))


def test_only_the_close_is_needed() -> None:
    check_bars(history(open=np.nan, high=np.nan, low=np.nan, volume=np.nan))


def test_no_bars_are_an_unknown_ticker() -> None:
    with pytest.raises(UnknownTickerError, match="prices in the folder"):
        check_bars(history(days=DAYS[:0]), "the folder")


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (DAYS[[0, 1, 1, 2]], "2024-06-04, then 2024-06-04"),
        (DAYS[[0, 2, 1, 3]], "2024-06-05, then 2024-06-04"),
    ],
)
def test_sessions_run_forward_once(days: pd.DatetimeIndex, found: str) -> None:
    with pytest.raises(BadBarsError, match=found):
        check_bars(history(days=days))


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("close", np.nan, "close nan"),
        ("close", 0.0, "close 0"),
        ("close", np.inf, "close inf"),
        ("open", -3.0, "open -3"),
        ("low", 0.0, "low 0"),
        ("high", np.inf, "high inf"),
        ("high", 9.0, "high 9"),
        ("volume", -1.0, "volume -1"),
        ("volume", np.inf, "volume inf"),
        ("close", 11.0, "close 11"),
        ("close", 9.0, "close 9"),
    ],
)
def test_an_impossible_value_is_named_with_its_session(column: str, value: float, found: str) -> None:
    values = history().bars[column].to_numpy().copy()
    values[2] = value
    with pytest.raises(BadBarsError, match=f"^ACME: expected .*, found {found} at 2024-06-05; correct"):
        check_bars(history(**{column: values}))


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"close": [10.0, -1.0, 10.0, 10.0]}, NonPositivePriceError),
        ({"low": [0.0, 9.0, 9.0, 9.0]}, NonPositivePriceError),
        ({"high": 9.0}, BadRangeError),
        ({"close": 10.8}, BadRangeError),
        ({"close": [10, 10, 1000, 10], "high": 1000.0}, PriceJumpError),
    ],
)
def test_each_fault_has_a_class_of_its_own(columns: dict[str, Any], error: type[BadBarsError]) -> None:
    with pytest.raises(error):
        check_bars(history(**columns))


def test_a_close_outside_the_range_by_an_auction_passes() -> None:
    check_bars(history(close=10.6))


def test_a_high_below_the_low_by_rounding_passes() -> None:
    check_bars(history(high=10.0, low=10.0 * (1 + 5e-4)))


def test_a_hundredfold_split_is_no_glitch() -> None:
    check_bars(history(close=[1000, 1000, 10, 10], high=1000.0, low=9.5, split=[1, 1, 100, 1]))


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ({"split": [1, 1, -2, 1]}, "split -2"),
        ({"split": [1, 1, np.inf, 1]}, "split inf"),
        ({"split": [1, 1, 201, 1]}, "split 201"),
        ({"split": [1, 1, 1 / 201, 1]}, "split 0.00497512"),
        ({"split": [1, 1, 1e12, 1]}, "split 1e\\+12"),
        ({"dividend": [0, 0, -1, 0]}, "dividend -1"),
        ({"dividend": [0, 0, 10, 0]}, "dividend 10"),
    ],
)
def test_an_impossible_action_is_named_with_its_ex_date(actions: dict[str, list[float]], found: str) -> None:
    with pytest.raises(BadBarsError, match=f"found {found} at 2024-06-05"):
        check_bars(history(**actions))


@pytest.mark.parametrize("price", [0.00002, 1.2e-8, 622_830.55, 2.4e9, 9e10])
def test_the_smallest_and_largest_prices_of_real_markets_pass(price: float) -> None:
    check_bars(history(close=price, open=price, high=price, low=price))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (
            {"close": 1e13, "open": 1e13, "high": 1e13, "low": 1e13},
            "price from 1e-09 to 1e.11, found open 1e.13",
        ),
        ({"close": 1e-10, "open": 1e-10, "high": 1e-10, "low": 1e-10}, "found open 1e-10"),
        ({"volume": 1e30}, "at most 1e.18, found volume 1e.30"),
        ({"split": [1, 1, 201, 1]}, "split ratio from 1/200 to 200, found split 201"),
        ({"split": [1, 1e-12, 1, 1]}, "found split 1e-12"),
        ({"dividend": [1e12, 0, 0, 0]}, "below 1e.11, found dividend 1e.12"),
    ],
)
def test_numbers_beyond_every_market_are_refused(columns: dict[str, Any], found: str) -> None:
    with pytest.raises(BadBarsError, match=found):
        check_bars(history(**columns))


@pytest.mark.parametrize(
    ("column", "value"), [("close", 1e300), ("volume", 1e300), ("close", np.inf), ("open", -1e300)]
)
def test_a_download_that_would_overflow_is_refused_before_its_splits_are_undone(
    column: str, value: float
) -> None:
    columns: dict[str, Any] = {column: value}
    found = history(**columns)
    with pytest.raises(BadBarsError, match="at most 1e"):
        check_size(found.ticker, found.bars, found.actions)


def test_splits_that_come_to_more_than_any_history_are_refused() -> None:
    actions = make_actions({day.date(): 150.0 for day in pd.bdate_range("2024-01-01", periods=6)})
    with pytest.raises(BadBarsError, match=r"splits that come to at most 1e.12-fold in all"):
        check_size("ACME", history().bars, actions)
