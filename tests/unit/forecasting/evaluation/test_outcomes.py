"""Scores of closed bands against numbers worked out by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.walk import Walked

from forecasting.evaluation.outcomes import score_issued, score_walked
from forecasting.forecast import Forecast
from forecasting.prices.history import PriceHistory, as_actions, as_bars

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]


def history(closes: list[float], actions: dict[int, tuple[float, float]] | None = None) -> PriceHistory:
    """Closes of DAYS as traded; place -> split and dividend."""
    index = pd.DatetimeIndex(pd.to_datetime(DAYS[: len(closes)]))
    told = pd.DataFrame(
        [(split, dividend) for split, dividend in (actions or {}).values()],
        index=index[list(actions or {})],
        columns=["split", "dividend"],
    )
    return PriceHistory("AAA", as_bars(pd.DataFrame({"close": closes}, index=index)), as_actions(told))


def issued(levels: dict[float, float], band: str = "calibrated", target: int = 1) -> pd.DataFrame:
    """One band from the first of DAYS and a close of 100."""
    rows = [{"level": level, "log_return": value, "band": band} for level, value in levels.items()]
    facts = {"as_of": DAYS[0], "target_session": DAYS[target], "horizon": target, "anchor_close": 100.0}
    return pd.DataFrame(rows).assign(**facts, kind="live", quality="champion", regime="calm")


def test_a_miss_is_scored_in_its_tail() -> None:
    (row,) = score_issued(issued({0.1: -0.1, 0.5: 0.0, 0.9: 0.1}), history([100, 130])).to_dict("records")
    actual = np.log(1.3)
    assert (row["inside"], row["below"], row["above"], row["nominal"]) == (0, 0, 1, 0.8)
    assert row["actual_log_return"] == pytest.approx(actual)
    assert row["winkler"] == pytest.approx(0.2 + 2 / 0.2 * (actual - 0.1))
    assert row["pinball_lower"] == pytest.approx(0.1 * (actual + 0.1))
    assert row["pinball_upper"] == pytest.approx(0.9 * (actual - 0.1))
    assert row["crps"] == pytest.approx(2 / 3 * (0.1 * (actual + 0.1) + 0.5 * actual + 0.9 * (actual - 0.1)))


def test_bands_of_different_levels_are_each_scored_on_their_own() -> None:
    narrow, wide = {0.25: -0.05, 0.5: 0.0, 0.75: 0.05}, {0.05: -0.2, 0.5: 0.01, 0.95: 0.2}
    both = pd.concat([issued(narrow), issued(wide, target=2)])
    scores = score_issued(both, history([100, 110, 110])).set_index("horizon")
    assert list(scores["nominal"]) == [0.5, 0.9]
    assert list(scores["inside"]) == [0, 1]
    assert list(scores["median"]) == [0.0, 0.01]


def test_a_target_without_a_close_is_not_scored() -> None:
    assert score_issued(issued({0.1: -0.1, 0.5: 0.0, 0.9: 0.1}, target=2), history([100, 101])).empty


@pytest.mark.parametrize(
    ("closes", "actions"),
    [
        ([100, 105, 105], {}),
        ([100, 26.25, 26.25], {1: (4.0, 0.0)}),
        ([100, 26.25, 17.5], {1: (4.0, 0.0), 2: (1.5, 0.0)}),
        ([50, 105, 105], {0: (2.0, 0.0)}),  # a split on the issue date is in the anchor already
    ],
)
def test_splits_after_issue_change_nothing(
    closes: list[float], actions: dict[int, tuple[float, float]]
) -> None:
    scores = score_issued(issued({0.1: -0.1, 0.5: 0.0, 0.9: 0.1}, target=2), history(closes, actions))
    assert scores["actual_log_return"].item() == pytest.approx(np.log(1.05))


def test_on_total_return_a_dividend_counts_as_earned() -> None:
    band, paid = issued({0.1: -0.1, 0.5: 0.0, 0.9: 0.1}), history([100, 98], {1: (1.0, 2.0)})
    assert score_issued(band, paid)["actual_log_return"].item() == pytest.approx(np.log(0.98))
    assert score_issued(band, paid, "total_return")["actual_log_return"].item() == pytest.approx(0.0)


def test_what_was_only_walked_is_scored_alike_and_marked() -> None:
    quantiles = np.array([[-0.1, 0.0, 0.1]] * 3)
    forecast = Forecast(
        ticker="AAA",
        as_of=DAYS[0],
        anchor_close=100.0,
        target_sessions=tuple(DAYS[1:]),
        levels=(0.05, 0.5, 0.95),
        log_returns={"calibrated": quantiles, "predictive": quantiles / 2},
        model_variance=np.zeros(3),
        noise_variance=np.zeros(3),
        quality="champion",
        data_fingerprint="f",
        regime="stress",
        outcomes=(0, 0, 0),
    )
    walked = [Walked(forecast, np.array([0.07, np.nan, 0.2]))]
    scores = score_walked(walked, DAYS[2])
    assert list(scores["method"]) == ["calibrated", "predictive"]
    assert list(scores["inside"]) == [1, 0]
    assert set(scores["kind"]) == {"walk_forward"}
    assert set(scores["regime"]) == {"stress"}
    assert len(score_walked(walked, DAYS[3])) == 4
    assert score_walked([replace(walked[0], actual=np.full(3, np.nan))], DAYS[3]).empty
    assert score_walked([], DAYS[3]).empty
