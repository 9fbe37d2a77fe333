"""A calibration as a value: properties of the corrected band, and its way through JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from synthetic_forecasts import make_closed

from forecasting.calibration import Calibration, learn_calibration
from forecasting.calibration.state import edge_share
from forecasting.config import CalibrationConfig
from forecasting.errors import BadCalibrationError, StoreError
from forecasting.types import Floats

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
logs = st.floats(-3, 3)
bands = arrays(np.float64, (4, 5), elements=st.floats(-2, 2, width=32)).map(
    lambda band: np.sort(band, axis=1)
)


def calibration(lower: float, upper: float, horizons: int = 4) -> Calibration:
    pool = np.repeat([[lower], [upper]], horizons, axis=1)
    return Calibration(pool, {}, np.zeros((3, 2, horizons)))


@given(bands, logs, logs)
def test_the_median_stays_and_quantiles_never_cross(band: Floats, lower: float, upper: float) -> None:
    found = calibration(lower, upper).apply("A", "calm", band, levels=LEVELS)
    assert (found[:, 2] == band[:, 2]).all()
    assert (np.diff(found, axis=1) >= 0).all()


@given(bands, logs, logs)
def test_no_quantile_comes_nearer_to_the_median_with_the_horizon(
    band: Floats, lower: float, upper: float
) -> None:
    found = calibration(lower, upper).apply("A", "calm", band, levels=LEVELS)
    assert (np.diff(np.abs(found - found[:, [2]]), axis=0) >= -1e-12).all()


def test_a_correction_by_hand() -> None:
    band = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    found = calibration(np.log(2), np.log(0.5), horizons=1).apply("A", "stress", band, levels=LEVELS)
    share = 0.6744897501960817 / 1.6448536269514722
    assert found[0] == pytest.approx([-4.0, -(2**share), 0.0, 0.5**share, 1.0])


def test_the_share_of_the_edge_is_that_of_the_normal_quantile() -> None:
    assert edge_share(LEVELS) == pytest.approx([1, 0.41006, 0, 0.41006, 1], abs=1e-5)


def test_a_horizon_beyond_those_learned_takes_the_longest_one() -> None:
    learned = Calibration(np.log([[1.0, 2.0], [1.0, 3.0]]), {}, np.zeros((3, 2, 2)))
    assert learned.multipliers("A", "calm", (1, 2, 9)) == pytest.approx(np.array([[1, 2, 2], [1, 3, 3]]))


def test_a_state_read_back_is_the_same_to_the_bit() -> None:
    learned = learn_calibration(make_closed(60, scale=1.3), 0.05, CalibrationConfig())
    again = Calibration.from_json(learned.to_json())
    assert again.to_json() == learned.to_json()
    band = np.array([[-1.6, -0.7, 0.0, 0.7, 1.6]])
    for ticker in ("T00", "NEW"):
        expected = learned.apply(ticker, "stress", band, levels=LEVELS)
        np.testing.assert_array_equal(again.apply(ticker, "stress", band, levels=LEVELS), expected)
    assert Calibration.from_json(Calibration.none().to_json()).outcomes_total == 0


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pool": [[1], [2, 3]], "own": {}, "closed": {}}'])
def test_a_broken_state_is_one_sentence(text: str) -> None:
    with pytest.raises(StoreError, match="stored calibration"):
        Calibration.from_json(text)


STATE = json.loads(learn_calibration(make_closed(60, scale=1.3), 0.05, CalibrationConfig()).to_json())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"pool": [[float("nan")] * 5] * 2}, "log multipliers of the pool within 6, found nan"),
        ({"pool": [[70.0] * 5] * 2}, "log multipliers of the pool within 6, found 70"),
        ({"regime": [[[float("inf")] * 5] * 2] * 3}, "log multipliers of the regimes within 6, found inf"),
        ({"own": {"T00": [[-9.0] * 5] * 2}}, "log multipliers of T00 within 6, found 9"),
        ({"pooled": [-1.0] * 5}, "numbers of outcomes of 0 or more, found -1"),
        ({"pooled": [float("nan")] * 5}, "numbers of outcomes of 0 or more, found nan"),
        ({"pool": [[0.0] * 4] * 2}, "the same horizons in each part"),
        ({"pooled": [1.0]}, "the same horizons in each part"),
        ({"own": {"T00": [[0.0] * 5]}}, "the same horizons in each part"),
    ],
)
def test_a_state_that_cannot_have_been_learned_is_refused(changes: dict[str, Any], found: str) -> None:
    Calibration.from_json(json.dumps(STATE))
    with pytest.raises(BadCalibrationError, match=found):
        Calibration.from_json(json.dumps(STATE | changes))
