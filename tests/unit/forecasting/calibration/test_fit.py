"""Learning from closed forecasts: known faults are found, the future is not, order does not matter."""

import numpy as np
import pandas as pd
import pytest

from forecasting.calibration import Calibration, learn
from forecasting.calibration.outcomes import closed_arrays
from forecasting.config import CalibrationConfig
from forecasting.errors import UsageError

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
LAW_ALONE = CalibrationConfig(shared_rate=0, ticker_rate=0, regime_rate=0)
BAND = np.array([[-1.645, -0.674, 0.0, 0.674, 1.645]]) * np.sqrt([[1.0], [2.0], [3.0], [4.0], [5.0]])


def factors(calibration: Calibration, ticker: str = "T01", regime: str = "calm") -> np.ndarray:
    return calibration.multipliers(ticker, regime, (1, 2, 5))


@pytest.mark.parametrize("scale", [0.7, 1.4])
def test_bands_that_are_too_wide_or_narrow_by_a_factor_are_mended_by_it(make_closed, scale):
    learned = learn(make_closed(700, scale=scale), LAW_ALONE)
    assert factors(learned)[:, 0] == pytest.approx(scale, rel=0.08)  # the prior keeps a little


def test_each_tail_is_mended_by_itself(make_closed):
    closed = make_closed(700)
    closed["actual"] = np.where(closed["actual"] < 0, 1.5, 0.8) * closed["actual"]
    lower, upper = factors(learn(closed, LAW_ALONE))[:, 0]
    assert lower == pytest.approx(1.5, rel=0.08)
    assert upper == pytest.approx(0.8, rel=0.08)


def test_bands_that_hold_are_left_alone(make_closed):
    assert factors(learn(make_closed(700), LAW_ALONE)) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("scale", [0.75, 1.0, 1.5])
def test_in_a_closed_loop_the_issued_bands_come_to_hold(make_closed, scale):
    closed = make_closed(180, scale=scale)
    closed = closed[closed["horizon"] == 1].reset_index(drop=True)
    config = CalibrationConfig(prior_blocks=1e9, shared_rate=0.15)  # the feedback alone
    for day in np.unique(closed["as_of"])[1:]:
        learned = learn(closed[closed["as_of"] < day], config)
        today = closed["as_of"] == day
        lower, upper = learned.multipliers("T01", "calm", (1,))[:, 0]
        closed.loc[today, "calibrated_lower"] *= lower
        closed.loc[today, "calibrated_upper"] *= upper
    last = closed[closed["as_of"] > closed["as_of"].quantile(0.4)]
    inside = last["actual"].between(last["calibrated_lower"], last["calibrated_upper"])
    assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_few_outcomes_change_little_and_many_change_all(make_closed):
    shares = [
        np.log(factors(learn(make_closed(dates, scale=1.5), LAW_ALONE))[:, 0].mean()) / np.log(1.5)
        for dates in (5, 60, 900)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert shares[2] > 0.85


def test_overlapping_outcomes_count_less_than_separate_ones(make_closed):
    short, _, long = factors(learn(make_closed(120, scale=1.6), LAW_ALONE))[0]
    assert 1 < long < short


def test_a_ticker_of_its_own_kind_is_told_from_the_pool_as_its_past_grows(make_closed):
    closed = make_closed(900)
    wild = closed["ticker"] == "T03"
    closed.loc[wild, "actual"] *= 2
    learned = learn(closed, LAW_ALONE)
    own, others = factors(learned, "T03")[:, 0], factors(learned, "T01")[:, 0]
    assert (own > 1.5).all()
    assert (others < 1.25).all()
    assert factors(learned, "NEW")[:, 0] == pytest.approx(np.exp(learned.pool[:, 0]))


def test_recent_outcomes_count_more(make_closed):
    old, new = make_closed(600, scale=0.7), make_closed(600, scale=1.4, seed=2)
    new["as_of"] += pd.Timedelta(days=1200)
    assert factors(learn(pd.concat([old, new]), LAW_ALONE))[0, 0] > 1.2


def test_the_order_of_the_rows_does_not_matter(make_closed):
    closed = make_closed(90, scale=1.2)
    one, other = (
        learn(closed, CalibrationConfig()),
        learn(closed.sample(frac=1, random_state=3), CalibrationConfig()),
    )
    assert one.to_json() == other.to_json()


def test_misses_in_one_regime_widen_the_bands_of_that_regime(make_closed):
    closed = make_closed(400)
    closed.loc[closed["regime"] == "stress", "actual"] *= 2
    learned = learn(closed, CalibrationConfig(regime_rate=0.01))
    assert (factors(learned, regime="stress") > 1.1 * factors(learned, regime="calm")).all()
    assert factors(learned, regime="normal") == pytest.approx(
        np.exp((learned.own["T01"])[:, [0, 1, 4]]), rel=1e-9
    )


def test_feedback_is_bounded(make_closed):
    config = CalibrationConfig(shared_rate=0.9, ticker_rate=0, regime_rate=0, largest_feedback=0.3)
    fed, law = (np.log(factors(learn(make_closed(400, scale=3), each))) for each in (config, LAW_ALONE))
    assert fed - law == pytest.approx(0.3)


def test_nothing_learned_changes_nothing():
    none = Calibration.none()
    assert none.outcomes_total == 0
    assert none.apply("A", "calm", LEVELS, BAND) == pytest.approx(BAND)
    assert none.outcomes(2) == (0, 0)


def test_the_outcomes_behind_each_horizon_are_counted(make_closed):
    closed = make_closed(40)
    closed = closed[(closed["horizon"] < 5) | (closed["as_of"] < closed["as_of"].max())]
    learned = learn(closed, CalibrationConfig())
    assert learned.outcomes(5) == (480, 480, 0, 0, 468)
    assert learned.outcomes_total == 1428


@pytest.mark.parametrize("broken", ["median", "regime"])
def test_rows_without_a_column_are_refused(make_closed, broken):
    with pytest.raises(UsageError, match=broken):
        learn(make_closed(3).drop(columns=broken), CalibrationConfig())


def test_an_unknown_regime_is_refused(make_closed):
    with pytest.raises(UsageError, match="panic"):
        learn(make_closed(3).assign(regime="panic"), CalibrationConfig())


def test_daily_bands_after_a_sparse_cold_start_keep_each_their_own_step(make_closed):
    """Forty dates two weeks apart, then ten daily ones: the step is that of the gap before each date."""
    closed = make_closed(50)
    days = np.sort(closed["as_of"].unique())
    apart = dict(zip(days[:40], pd.bdate_range("2018-01-01", periods=40, freq="10B"), strict=True))
    sparse = closed["as_of"].isin(days[:40])
    closed.loc[sparse, "as_of"] = closed.loc[sparse, "as_of"].map(apart)
    gaps = closed_arrays(closed).gaps()
    assert gaps[1:40].tolist() == [10.0] * 39
    assert gaps[41:].tolist() == [1.0] * 9
    assert gaps[0] == 10.0
    assert closed_arrays(closed[closed["as_of"] == days[-1]]).gaps().tolist() == [1.0]
