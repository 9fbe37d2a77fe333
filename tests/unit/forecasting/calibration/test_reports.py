"""Windows with a report have a multiplier of their own, shrunk to none, and it says nothing of the others."""

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_closed

from forecasting.calibration import Calibration, learn_calibration
from forecasting.calibration.conformal import fit_report_multipliers
from forecasting.config import CalibrationConfig
from forecasting.types import Floats

CONFORMAL_ALONE = CalibrationConfig(shared_rate=0, ticker_rate=0, regime_rate=0)
BAND = np.array([[-1.6, 0.0, 1.6]] * 2)


def make_reporting(dates: int, *, report: float, plain: float = 1.0, every: int = 8) -> pd.DataFrame:
    """Closed bands of which every eighth holds a report; outcomes are so many times as wide as the bands."""
    closed = make_closed(dates)
    closed["reports_ahead"] = (np.arange(len(closed)) % every == 0).astype(int)
    closed["actual"] *= np.where(closed["reports_ahead"] > 0, report, plain)
    return closed


def factors(learned: Calibration, reports_ahead: int) -> Floats:
    return learned.multipliers("T01", "calm", (1, 2, 5), reports_ahead=(reports_ahead,) * 3)


def test_windows_with_a_report_are_corrected_apart_from_the_others() -> None:
    learned = learn_calibration(make_reporting(900, report=1.6), 0.05, CONFORMAL_ALONE)
    assert factors(learned, 1)[:, 0] == pytest.approx(1.6, rel=0.12)
    assert factors(learned, 0) == pytest.approx(1.0, abs=0.07)


def test_what_all_windows_need_is_not_counted_twice() -> None:
    learned = learn_calibration(make_reporting(900, report=1.4, plain=1.4), 0.05, CONFORMAL_ALONE)
    assert learned.report == pytest.approx(0.0, abs=0.12)
    assert factors(learned, 1)[:, 0] == pytest.approx(factors(learned, 0)[:, 0], rel=0.12)


def test_few_outcomes_with_a_report_change_little() -> None:
    config = CONFORMAL_ALONE.model_copy(update={"report_blocks": 150})
    found = [
        learn_calibration(make_reporting(dates, report=1.6), 0.05, config).report[:, 0].mean()
        for dates in (10, 100, 900)
    ]
    assert found == sorted(found)
    assert 0 < found[0] < 0.15


@pytest.mark.parametrize("reports", [0, 1])
def test_of_one_kind_of_window_alone_nothing_is_learned_of_the_other(reports: int) -> None:
    closed = make_closed(300, scale=1.5).assign(reports_ahead=reports)
    learned = learn_calibration(closed, 0.05, CONFORMAL_ALONE)
    assert np.isfinite(learned.report).all()
    assert (factors(learned, reports)[:, 0] > 1.2).all()
    assert factors(learned, 1 - reports)[:, 0] == pytest.approx(
        np.exp(learned.by_ticker["T01"][:, 0] + (learned.report[:, 0] if not reports else 0.0))
    )


def test_the_multiplier_is_the_ratio_of_two_quantiles() -> None:
    """A twin that sorts: without a prior, in both tails of one horizon."""
    stream = np.random.default_rng(3)
    scores = stream.standard_normal((800, 5, 1))
    held = stream.random((800, 5, 1)) < 0.3
    scores[held] *= 1.7
    config = CalibrationConfig(report_blocks=0)
    found = fit_report_multipliers(scores, held, np.ones((800, 1)), tail=0.05, config=config)
    ratio = np.quantile(scores[held], 0.95) / np.quantile(scores[~held], 0.95)
    assert np.exp(found[0]) == pytest.approx(ratio, rel=0.05)


def test_a_report_widens_only_the_horizons_from_it_on() -> None:
    report = np.log([[1.5, 1.5], [1.5, 1.5]])
    learned = Calibration(np.zeros((2, 2)), {}, np.zeros((3, 2, 2)), np.ones(2), report)
    levels = (0.05, 0.5, 0.95)
    found = learned.apply("A", "calm", BAND, levels=levels, reports_ahead=(0, 1))
    assert found[0] == pytest.approx(BAND[0])
    assert found[1] == pytest.approx(1.5 * BAND[1])


def test_a_state_that_was_stored_before_reports_counted_serves_on() -> None:
    learned = learn_calibration(make_closed(60, scale=1.3), 0.05, CalibrationConfig())
    old = Calibration(learned.pool, learned.by_ticker, learned.regime, learned.pooled)
    again = Calibration.from_json(old.to_json().replace('"report": [[], []], ', ""))
    assert again.multipliers("T01", "calm", (1,), reports_ahead=(1,)) == pytest.approx(
        old.multipliers("T01", "calm", (1,))
    )
