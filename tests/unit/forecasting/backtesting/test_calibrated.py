"""The calibration of a walk: the same code as a daily run's, and nothing of what follows an origin."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.issue import Issued

from forecasting.backtesting.calibrated import calibrated
from forecasting.backtesting.rows import Outcomes
from forecasting.config import CalibrationConfig

HORIZONS, LEVELS = (1, 5), (0.05, 0.25, 0.5, 0.75, 0.95)
SCALE = (HORIZONS, LEVELS)
DAYS = pd.bdate_range("2023-01-02", periods=260)
CONFIG = CalibrationConfig(prior_blocks=10)


def issued_at(place: int) -> Issued:
    band = np.array([-0.0164, -0.0067, 0.0, 0.0067, 0.0164]) * np.sqrt([[1.0], [5.0]])
    return Issued(
        origin=DAYS[place].date(),
        tickers=("A", "B"),
        regimes=("calm", "calm"),
        targets=tuple(tuple(DAYS[place + h].date() for h in HORIZONS) for _ in range(2)),
        quantiles={"predictive": np.stack([band, band]), "random_walk": np.stack([band, band])},
        remarks=(),
    )


ISSUED = tuple(issued_at(place) for place in range(0, 240, 3))


@pytest.fixture(scope="module")
def closes() -> Mapping[str, pd.Series]:
    """Twice as wild as the bands say."""
    stream = np.random.default_rng(5)
    index = DAYS.as_unit("s")
    return {name: pd.Series(np.cumsum(0.02 * stream.standard_normal(len(index))), index) for name in "AB"}


def bands(closes: Mapping[str, pd.Series]) -> list[np.ndarray]:
    found = calibrated(ISSUED, Outcomes.of_log_closes(closes), SCALE, CONFIG)
    return [one.quantiles["calibrated"] for one in found]


def test_bands_that_were_too_narrow_come_to_cover(closes: Mapping[str, pd.Series]) -> None:
    found = bands(closes)
    np.testing.assert_allclose(found[0], ISSUED[0].quantiles["predictive"])
    first, last = (each[0, 0, -1] - each[0, 0, 0] for each in (found[0], found[-1]))
    assert last > 1.5 * first


def test_the_other_methods_stay_as_they_were(closes: Mapping[str, pd.Series]) -> None:
    for before, after in zip(
        ISSUED, calibrated(ISSUED, Outcomes.of_log_closes(closes), SCALE, CONFIG), strict=True
    ):
        assert list(after.quantiles) == ["calibrated", "predictive", "random_walk"]
        assert after.quantiles["predictive"] is before.quantiles["predictive"]


@pytest.mark.parametrize("cut", [30, 120, 200])
def test_closes_after_an_origin_change_nothing_up_to_it(closes: Mapping[str, pd.Series], cut: int) -> None:
    later = {name: one.where(one.index <= DAYS[cut], one + 1.0) for name, one in closes.items()}
    missing = {name: one[one.index <= DAYS[cut]] for name, one in closes.items()}
    known = sum(one.origin <= DAYS[cut].date() for one in ISSUED)
    truth = bands(closes)
    assert any(not np.array_equal(a, b) for a, b in zip(bands(later), truth, strict=True))
    for changed in (later, missing):
        cut_short = [one for one in ISSUED if one.origin <= DAYS[cut].date()]
        found = list(calibrated(cut_short, Outcomes.of_log_closes(changed), SCALE, CONFIG))
        for one, other in zip(found, truth[:known], strict=True):
            np.testing.assert_array_equal(one.quantiles["calibrated"], other)


def test_an_origin_without_forecasts_teaches_nothing(closes: Mapping[str, pd.Series]) -> None:
    empty = replace(
        ISSUED[1],
        tickers=(),
        regimes=(),
        targets=(),
        quantiles={name: np.empty((0, 2, 5)) for name in ("predictive", "random_walk")},
    )
    found = list(calibrated([ISSUED[0], empty, *ISSUED[2:9]], Outcomes.of_log_closes(closes), SCALE, CONFIG))
    assert found[1].quantiles["calibrated"].shape == (0, 2, 5)
    assert found[1].origin > date(2023, 1, 2)
