"""The price frame contract."""

from datetime import date

import numpy as np
import pandas as pd

from forecasting.prices.history import ACTION_COLUMNS, BAR_COLUMNS, PriceHistory, as_actions, as_bars

DAYS = pd.to_datetime(["2024-06-03", "2024-06-04", "2024-06-05"])


def test_bars_have_every_column_as_floats() -> None:
    shaped = as_bars(pd.DataFrame({"close": [1, 2, 3], "extra": "x"}, index=DAYS))
    assert tuple(shaped.columns) == BAR_COLUMNS
    assert set(shaped.dtypes) == {np.dtype(float)}
    assert shaped["high"].isna().all()
    assert shaped.index.name == "session"


def test_the_index_has_one_unit_whatever_came_in() -> None:
    frames = [as_bars(pd.DataFrame({"close": 1.0}, index=DAYS.as_unit(unit))) for unit in ("s", "us", "ns")]
    assert {frame.index.unit for frame in frames} == {"s"}


def test_rows_without_an_action_are_left_out() -> None:
    found = as_actions(
        pd.DataFrame({"split": [0.0, np.nan, 2.0], "dividend": [0.0, 0.5, np.nan]}, index=DAYS)
    )
    assert tuple(found.columns) == ACTION_COLUMNS
    assert found.to_numpy().tolist() == [[1.0, 0.5], [2.0, 0.0]]
    assert as_actions(pd.DataFrame(index=DAYS)).empty


def test_a_history_can_be_cut() -> None:
    closes = as_bars(pd.DataFrame({"close": [1.0, 2.0, 3.0]}, index=DAYS))
    history = PriceHistory("ACME", closes, as_actions(pd.DataFrame({"dividend": [0, 0, 0.5]}, index=DAYS)))
    cut = history.until(date(2024, 6, 4))
    assert cut.last_session == date(2024, 6, 4)
    assert cut.actions.empty
    pd.testing.assert_frame_equal(history.until(date(2025, 1, 1)).bars, history.bars)
