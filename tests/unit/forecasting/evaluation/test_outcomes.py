"""Scores of closed bands against numbers worked out by hand."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_actions

from forecasting.errors import TableError
from forecasting.evaluation.outcomes import score_issued
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.tables import BAND_SCORES, ISSUED_BANDS
from forecasting.types import PriceBasis

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]
WIDE = {0.1: -0.1, 0.5: 0.0, 0.9: 0.1}
Actions = Mapping[int, tuple[float, float]]  # index of the ex-date in DAYS -> split and dividend


def build_history(closes: list[float], actions: Actions | None = None) -> PriceHistory:
    """Closes of DAYS as traded."""
    bars = as_bars(pd.DataFrame({"close": closes}, index=pd.DatetimeIndex(DAYS[: len(closes)])))
    splits, dividends = (
        {DAYS[index]: each[part] for index, each in (actions or {}).items()} for part in (0, 1)
    )
    return PriceHistory("AAA", bars, make_actions(splits, dividends))


def issue(
    levels: Mapping[float, float],
    *,
    band: str = "calibrated",
    target: int = 1,
    as_of: int = 0,
    basis: PriceBasis = "split_adjusted",
    anchor: float = 100.0,
) -> pd.DataFrame:
    """One band from one of DAYS and a close of 100."""
    rows = [{"level": level, "log_return": value, "band": band} for level, value in levels.items()]
    facts = {
        "as_of": DAYS[as_of],
        "target_session": DAYS[target],
        "horizon": target - as_of,
        "anchor_close": anchor,
        "price_basis": basis,
    }
    issued = pd.DataFrame(rows).assign(
        **facts, kind="live", quality="champion", regime="calm", reports_ahead=1
    )
    return ISSUED_BANDS.check(issued)


def test_a_miss_is_scored_in_its_tail() -> None:
    scores = score_issued(issue(WIDE), build_history([100, 130]))
    (row,) = BAND_SCORES.check(scores).to_dict("records")
    actual = np.log(1.3)
    assert (row["inside"], row["below"], row["above"], row["nominal_coverage"]) == (0, 0, 1, 0.8)
    assert row["actual_log_return"] == pytest.approx(actual)
    assert row["winkler"] == pytest.approx(0.2 + 2 / 0.2 * (actual - 0.1))
    assert row["pinball_lower"] == pytest.approx(0.1 * (actual + 0.1))
    assert row["pinball_upper"] == pytest.approx(0.9 * (actual - 0.1))
    assert row["crps"] == pytest.approx(2 / 3 * (0.1 * (actual + 0.1) + 0.5 * actual + 0.9 * (actual - 0.1)))


def test_a_score_carries_what_was_issued() -> None:
    (row,) = score_issued(issue(WIDE, target=2), build_history([100, 101, 102])).to_dict("records")
    assert (row["ticker"], row["as_of"], row["target_session"], row["horizon"]) == (
        "AAA",
        DAYS[0],
        DAYS[2],
        2,
    )
    assert (row["band"], row["kind"], row["quality"], row["regime"]) == (
        "calibrated",
        "live",
        "champion",
        "calm",
    )
    assert (row["lower"], row["median"], row["upper"]) == (-0.1, 0.0, 0.1)


def test_bands_of_different_levels_are_each_scored_on_their_own() -> None:
    narrow, wide = {0.25: -0.05, 0.5: 0.0, 0.75: 0.05}, {0.05: -0.2, 0.5: 0.01, 0.95: 0.2}
    both = pd.concat([issue(narrow), issue(wide, target=2)])
    scores = score_issued(both, build_history([100, 110, 110])).set_index("horizon")
    assert list(scores["nominal_coverage"]) == [0.5, 0.9]
    assert list(scores["inside"]) == [0, 1]
    assert list(scores["median"]) == [0.0, 0.01]


def test_a_target_without_a_close_is_not_scored() -> None:
    scores = score_issued(issue(WIDE, target=2), build_history([100, 101]))
    assert BAND_SCORES.check(scores).empty
    nothing = score_issued(issue(WIDE).iloc[:0], build_history([100, 101]))
    assert BAND_SCORES.check(nothing).empty


@pytest.mark.parametrize(
    ("closes", "actions"),
    [
        ([100, 105, 105], {}),
        ([100, 26.25, 26.25], {1: (4.0, 0.0)}),
        ([100, 26.25, 17.5], {1: (4.0, 0.0), 2: (1.5, 0.0)}),
        ([50, 105, 105], {0: (2.0, 0.0)}),  # a split on the issue date is in the anchor already
    ],
)
def test_splits_after_issue_change_nothing(closes: list[float], actions: Actions) -> None:
    scores = score_issued(issue(WIDE, target=2), build_history(closes, actions))
    assert scores["actual_log_return"].item() == pytest.approx(np.log(1.05))


@pytest.mark.parametrize(("basis", "actual"), [("split_adjusted", np.log(0.98)), ("total_return", 0.0)])
def test_a_dividend_counts_as_earned_on_total_return_alone(basis: PriceBasis, actual: float) -> None:
    paid = build_history([100, 98], {1: (1.0, 2.0)})
    scores = score_issued(issue(WIDE, basis=basis), paid)
    assert scores["actual_log_return"].item() == pytest.approx(actual)


def test_bands_of_both_bases_in_one_frame_are_each_scored_on_their_own() -> None:
    """The setting was changed between two sessions; a dividend of two was paid on the last."""
    both = pd.concat(
        [
            issue(WIDE, target=3),
            issue(WIDE, target=3, as_of=1, basis="total_return"),
            issue(WIDE, target=2, as_of=1, basis="total_return"),
        ]
    )
    history = build_history([100, 100, 100, 98], {3: (1.0, 2.0)})
    scores = score_issued(both, history).set_index(["as_of", "target_session"])
    assert len(scores) == 3
    actual = scores["actual_log_return"]
    assert actual[(DAYS[0], DAYS[3])] == pytest.approx(np.log(0.98))
    assert actual[(DAYS[1], DAYS[3])] == pytest.approx(0.0, abs=1e-12)
    assert actual[(DAYS[1], DAYS[2])] == pytest.approx(0.0, abs=1e-12)


def test_each_anchor_counts_as_issued_whatever_its_bar_has_become() -> None:
    issued = pd.concat([issue(WIDE, target=2), issue(WIDE, target=2, as_of=1, anchor=110.0)])
    scores = score_issued(issued, build_history([90, 108, 121])).set_index("as_of")
    assert scores.loc[DAYS[0], "actual_log_return"] == pytest.approx(np.log(1.21))
    assert scores.loc[DAYS[1], "actual_log_return"] == pytest.approx(np.log(1.1))


def test_a_frame_of_another_shape_is_refused() -> None:
    history = build_history([100, 105])
    with pytest.raises(TableError, match=r"issued bands with columns .* found no price_basis"):
        score_issued(issue(WIDE).drop(columns="price_basis"), history)
    with pytest.raises(TableError, match=r"found 2024-01-02, 2024-01-03, calibrated, 0\.1 twice"):
        score_issued(pd.concat([issue(WIDE), issue(WIDE)]), history)
