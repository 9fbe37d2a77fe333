"""What became of the closes on the way: hand-computed, and whatever splits come between."""

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.paths import measure_extremes, measure_path_outcomes
from forecasting.prices.history import BAR_COLUMNS, PriceHistory
from forecasting.tables import PATH_OUTCOMES
from forecasting.types import PriceBasis

DAYS = tuple(pd.bdate_range("2024-01-02", periods=8).date)
CLOSES = [100.0, 96.0, 108.0, 90.0, 99.0]  # the fall from 108 to 90 is the largest


def build_history(closes: list[float], actions: dict[int, tuple[float, float]] | None = None) -> PriceHistory:
    """Prices from DAYS[0] on, with splits and dividends by position."""
    index = pd.DatetimeIndex(DAYS[: len(closes)])
    bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, pd.Series(closes, index)))
    own = actions or {}
    rows = pd.DataFrame(own.values(), pd.DatetimeIndex([DAYS[day] for day in own]), ["split", "dividend"])
    return PriceHistory("AAA", bars, rows.astype("float64"))


def wait_for(*targets: int, anchor: float = 100.0, basis: PriceBasis = "split_adjusted") -> pd.DataFrame:
    """OPEN_PATHS from DAYS[0] to the sessions at some positions."""
    return pd.DataFrame(
        {
            "as_of": DAYS[0],
            "target_session": [DAYS[target] for target in targets],
            "horizon": targets,
            "anchor_close": anchor,
            "kind": "live",
            "price_basis": basis,
        }
    )


def test_extremes_by_hand() -> None:
    found = measure_extremes(np.log([[0.96, 1.08, 0.9, 0.99], [0.9, 0.8, 0.9, 1.0]]))
    np.testing.assert_allclose(np.exp(found.highest[0]), [0.96, 1.08, 1.08, 1.08])
    np.testing.assert_allclose(np.exp(found.lowest[0]), [0.96, 0.96, 0.9, 0.9])
    np.testing.assert_allclose(found.drawdown, [[0.04, 0.04, 1 / 6, 1 / 6], [0.1, 0.2, 0.2, 0.2]])


def test_outcomes_are_moves_from_the_anchor_close() -> None:
    found = PATH_OUTCOMES.check(measure_path_outcomes(wait_for(1, 4), build_history(CLOSES)))
    assert found["horizon"].tolist() == [1, 4]
    assert found["highest"].tolist() == pytest.approx([-0.04, 0.08])
    assert found["lowest"].tolist() == pytest.approx([-0.04, -0.1])
    assert found["drawdown"].tolist() == pytest.approx([0.04, 1 / 6])
    assert set(found["ticker"]) == {"AAA"}
    assert set(found["kind"]) == {"live"}


def test_a_target_without_a_close_has_no_outcome_yet() -> None:
    found = measure_path_outcomes(wait_for(4, 5), build_history(CLOSES))
    assert found["horizon"].tolist() == [4]
    assert PATH_OUTCOMES.check(measure_path_outcomes(wait_for(5), build_history(CLOSES))).empty
    assert PATH_OUTCOMES.check(measure_path_outcomes(wait_for(5).iloc[:0], build_history(CLOSES))).empty


def test_a_split_on_the_way_changes_nothing() -> None:
    split = [100.0, 96.0, 27.0, 22.5, 24.75]
    found = measure_path_outcomes(wait_for(4), build_history(split, {2: (4.0, 0.0)}))
    expected = measure_path_outcomes(wait_for(4), build_history(CLOSES))
    pd.testing.assert_frame_equal(found, expected)


def test_a_dividend_counts_as_earned_on_total_return_alone() -> None:
    paid = build_history([100.0, 98.0], {1: (1.0, 2.0)})
    found = measure_path_outcomes(wait_for(1), paid)
    assert found["lowest"].item() == pytest.approx(-0.02)
    earned = measure_path_outcomes(wait_for(1, basis="total_return"), paid)
    assert earned["lowest"].item() == pytest.approx(0.0, abs=1e-12)
    assert earned["drawdown"].item() == pytest.approx(0.0, abs=1e-12)


def test_the_anchor_counts_as_issued() -> None:
    found = measure_path_outcomes(wait_for(1, anchor=120.0), build_history([100.0, 96.0]))
    assert found["highest"].item() == pytest.approx(-0.2)
    assert found["drawdown"].item() == pytest.approx(0.2)
