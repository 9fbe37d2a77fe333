"""Learning from closed forecasts: known faults are found, the future is not, order does not matter."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_closed

from forecasting.calibration import Calibration, learn_calibration
from forecasting.calibration.fit import build_closed_bands, needs_warm_start
from forecasting.config import CalibrationConfig
from forecasting.errors import TableError
from forecasting.types import Floats, OutcomeKind, Regime

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
CONFORMAL_ALONE = CalibrationConfig(shared_rate=0, ticker_rate=0, regime_rate=0)
BAND = np.array([[-1.645, -0.674, 0.0, 0.674, 1.645]]) * np.sqrt([[1.0], [2.0], [3.0], [4.0], [5.0]])


def learn(closed: pd.DataFrame, config: CalibrationConfig, tail: float = 0.05) -> Calibration:
    return learn_calibration(closed, tail, config)


def factors(calibration: Calibration, ticker: str = "T01", regime: Regime = "calm") -> Floats:
    return calibration.multipliers(ticker, regime, (1, 2, 5))


@pytest.mark.parametrize("scale", [0.7, 1.4])
def test_bands_that_are_too_wide_or_narrow_by_a_factor_are_corrected_by_it(scale: float) -> None:
    learned = learn(make_closed(700, scale=scale), CONFORMAL_ALONE)
    assert factors(learned)[:, 0] == pytest.approx(scale, rel=0.08)  # the prior keeps a little


def test_each_tail_is_corrected_by_itself() -> None:
    closed = make_closed(700)
    closed["actual"] = np.where(closed["actual"] < 0, 1.5, 0.8) * closed["actual"]
    lower, upper = factors(learn(closed, CONFORMAL_ALONE))[:, 0]
    assert lower == pytest.approx(1.5, rel=0.08)
    assert upper == pytest.approx(0.8, rel=0.08)


def test_bands_with_the_right_coverage_are_left_alone() -> None:
    assert factors(learn(make_closed(700), CONFORMAL_ALONE)) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("scale", [0.75, pytest.param(1.0, marks=pytest.mark.long), 1.5])
def test_in_a_closed_loop_the_issued_bands_reach_their_coverage(scale: float) -> None:
    closed = make_closed(100, tickers=30, scale=scale)
    closed = closed[closed["horizon"] == 1].reset_index(drop=True)
    config = CalibrationConfig(prior_blocks=1e9, shared_rate=0.3)  # the feedback alone
    for day in np.unique(closed["as_of"])[1:]:
        learned = learn(closed[closed["as_of"] < day], config)
        today = closed["as_of"] == day
        lower, upper = learned.multipliers("T01", "calm", (1,))[:, 0]
        closed.loc[today, "calibrated_lower"] *= lower
        closed.loc[today, "calibrated_upper"] *= upper
    last = closed[closed["as_of"] > closed["as_of"].quantile(0.4)]
    inside = last["actual"].between(last["calibrated_lower"], last["calibrated_upper"])
    assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_few_outcomes_change_little_and_many_change_all() -> None:
    shares = [
        np.log(factors(learn(make_closed(dates, scale=1.5), CONFORMAL_ALONE))[:, 0].mean()) / np.log(1.5)
        for dates in (5, 60, 900)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert shares[2] > 0.85


def test_overlapping_outcomes_count_less_than_separate_ones() -> None:
    short, _, long = factors(learn(make_closed(120, scale=1.6), CONFORMAL_ALONE))[0]
    assert 1 < long < short


def test_a_ticker_of_its_own_kind_leaves_the_pool_as_its_past_grows() -> None:
    closed = make_closed(900)
    wild = closed["ticker"] == "T03"
    closed.loc[wild, "actual"] *= 2
    learned = learn(closed, CONFORMAL_ALONE)
    own, others = factors(learned, "T03")[:, 0], factors(learned, "T01")[:, 0]
    assert (own > 1.5).all()
    assert (others < 1.25).all()
    assert factors(learned, "NEW")[:, 0] == pytest.approx(np.exp(learned.pool[:, 0]))


def test_recent_outcomes_count_more() -> None:
    old, new = make_closed(600, scale=0.7), make_closed(600, scale=1.4, seed=2)
    new["as_of"] += pd.Timedelta(days=1200)
    assert factors(learn(pd.concat([old, new]), CONFORMAL_ALONE))[0, 0] > 1.2


def test_the_order_of_the_rows_does_not_matter() -> None:
    closed = make_closed(90, scale=1.2)
    shuffled = closed.sample(frac=1, random_state=3)
    learned = learn(closed, CalibrationConfig())
    assert learn(shuffled, CalibrationConfig()).to_json() == learned.to_json()


def test_misses_in_one_regime_widen_the_bands_of_that_regime() -> None:
    closed = make_closed(400)
    closed.loc[closed["regime"] == "stress", "actual"] *= 2
    learned = learn(closed, CalibrationConfig(regime_rate=0.01))
    assert (factors(learned, regime="stress") > 1.1 * factors(learned, regime="calm")).all()
    assert factors(learned, regime="normal") == pytest.approx(
        np.exp((learned.by_ticker["T01"])[:, [0, 1, 4]]), rel=1e-9
    )


def test_feedback_is_bounded() -> None:
    config = CalibrationConfig(shared_rate=0.9, ticker_rate=0, regime_rate=0, largest_feedback=0.3)
    fed, unfed = (
        np.log(factors(learn(make_closed(400, scale=3), each))) for each in (config, CONFORMAL_ALONE)
    )
    assert fed - unfed == pytest.approx(0.3)


def test_nothing_learned_changes_nothing() -> None:
    none = Calibration.none()
    assert none.outcomes_total == 0
    assert none.apply("A", "calm", BAND, levels=LEVELS) == pytest.approx(BAND)
    assert none.count_outcomes(2) == (0, 0)


def test_the_outcomes_behind_each_horizon_are_counted() -> None:
    closed = make_closed(40)
    closed = closed[(closed["horizon"] < 5) | (closed["as_of"] < closed["as_of"].max())]
    learned = learn(closed, CalibrationConfig())
    assert learned.count_outcomes(5) == (480, 480, 0, 0, 468)
    assert learned.outcomes_total == 1428


@pytest.mark.parametrize("broken", ["median", "regime"])
def test_rows_without_a_column_are_refused(broken: str) -> None:
    with pytest.raises(TableError, match=broken):
        learn(make_closed(3).drop(columns=broken), CalibrationConfig())


def test_an_unknown_regime_is_refused() -> None:
    with pytest.raises(TableError, match="panic"):
        learn(make_closed(3).assign(regime="panic"), CalibrationConfig())


def test_an_impossible_horizon_is_refused() -> None:
    closed = make_closed(3)
    closed.loc[closed.index[0], "horizon"] = -50
    with pytest.raises(TableError, match="horizons of 1 session or more, found -50"):
        learn(closed, CalibrationConfig())


def test_daily_bands_after_a_sparse_warm_start_keep_each_their_own_step() -> None:
    """Forty dates two weeks apart, then ten daily ones: the step is that of the gap before each date."""
    closed = make_closed(50)
    days = np.sort(closed["as_of"].unique())
    apart = dict(zip(days[:40], pd.bdate_range("2018-01-01", periods=40, freq="10B"), strict=True))
    sparse = closed["as_of"].isin(days[:40])
    closed.loc[sparse, "as_of"] = closed.loc[sparse, "as_of"].map(apart)
    gaps = build_closed_bands(closed).gaps()
    assert gaps[1:40].tolist() == [10.0] * 39
    assert gaps[41:].tolist() == [1.0] * 9
    assert gaps[0] == 10.0
    assert build_closed_bands(closed[closed["as_of"] == days[-1]]).gaps().tolist() == [1.0]


@pytest.mark.parametrize("tail", [0.025, 0.1, 0.25])
def test_the_tail_is_that_of_the_levels_which_are_kept(tail: float) -> None:
    """Bands that are right at one pair of levels are right at that pair alone."""
    closed = make_closed(700)
    edge = -np.quantile(closed["actual"], tail)
    kept = {"lower": -edge, "upper": edge, "calibrated_lower": -edge, "calibrated_upper": edge}
    assert factors(learn(closed.assign(**kept), CONFORMAL_ALONE, tail)) == pytest.approx(1.0, abs=0.08)
    stricter = factors(learn(closed.assign(**kept), CONFORMAL_ALONE, tail / 2))
    assert (stricter > 1.05).all()


def with_kinds(closed: pd.DataFrame, kinds: Sequence[OutcomeKind]) -> pd.DataFrame:
    return closed.assign(kind=np.resize(np.array(kinds), len(closed)))


@pytest.mark.parametrize(
    ("dates", "kinds", "fewest", "needed"),
    [
        (0, ["live"], 250, True),
        (0, ["live"], 0, False),
        (20, ["live"], 250, True),  # 20 dates of 12 tickers, whatever the horizons
        (20, ["live"], 241, True),
        (20, ["live"], 240, False),
        (20, ["live", "backfill"], 240, False),
        (21, ["live"], 250, False),
        (1, ["walk_forward"], 250, False),  # walked once already
        (20, ["live", "live", "walk_forward"], 250, False),
    ],
)
def test_a_young_store_needs_a_warm_start_once(
    dates: int, kinds: list[OutcomeKind], fewest: int, needed: bool
) -> None:
    closed = with_kinds(make_closed(max(dates, 1)).iloc[: dates * 36], kinds)
    assert needs_warm_start(closed, CalibrationConfig(fewest_outcomes=fewest)) is needed


def test_without_rows_nothing_is_learned() -> None:
    nothing = learn(make_closed(1).iloc[:0], CalibrationConfig())
    assert nothing.to_json() == Calibration.none().to_json()
