"""The feedback against a twin that goes through dates, tickers and horizons one by one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.calibration.feedback import Feedback, fold_feedback
from forecasting.config import CalibrationConfig
from forecasting.types import Floats

Regimes = NDArray[np.int8]
TAIL = 0.05
CONFIG = CalibrationConfig(shared_rate=0.05, ticker_rate=0.02, regime_rate=0.03, largest_feedback=0.4)


def draw_misses(seed: int, shape: tuple[int, int, int] = (80, 5, 3)) -> tuple[Floats, Regimes]:
    stream = np.random.default_rng(seed)
    misses = (stream.random(shape) < 0.15).astype(np.float64)
    misses[stream.random(shape) < 0.1] = np.nan
    misses[-2:, :, 1:] = np.nan  # not closed yet
    regime = np.repeat(stream.integers(0, 3, (shape[0], 1)), shape[1], axis=1).astype(np.int8)
    return misses, regime


def build_twin(misses: Floats, regime: Regimes, gaps: Floats) -> Feedback:
    dates, tickers, horizons = misses.shape
    twin = Feedback(np.zeros(horizons), np.zeros((tickers, horizons)), np.zeros((3, horizons)))

    def move(value: float, rate: float, error: float, horizon: int) -> float:
        step = float(rate * (gaps[day] / horizon) ** 0.5 * error)
        return min(max(value + step, -CONFIG.largest_feedback), CONFIG.largest_feedback)

    for day in range(dates):
        for h in range(horizons):
            closed = [ticker for ticker in range(tickers) if np.isfinite(misses[day, ticker, h])]
            if not closed:
                continue
            error = float(np.mean([misses[day, ticker, h] - TAIL for ticker in closed]))
            twin.shared[h] = move(twin.shared[h], CONFIG.shared_rate, error, h + 1)
            state = regime[day, closed[0]]
            twin.regime[state, h] = move(twin.regime[state, h], CONFIG.regime_rate, error, h + 1)
            for ticker in closed:
                missed = misses[day, ticker, h] - TAIL
                twin.ticker[ticker, h] = move(twin.ticker[ticker, h], CONFIG.ticker_rate, missed, h + 1)
    return twin


@pytest.mark.parametrize("seed", range(3))
def test_the_fold_is_that_of_the_twin(seed: int) -> None:
    misses, regime = draw_misses(seed)
    gaps = np.repeat([10.0, 1.0], 40)  # a warm start every tenth session, then every day
    found = fold_feedback(misses, regime, gaps, tail=TAIL, config=CONFIG)
    for part, expected in zip(found, build_twin(misses, regime, gaps), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-12)


def test_one_miss_by_hand() -> None:
    misses = np.array([[[1.0, 1.0]], [[0.0, np.nan]]])  # two dates, one ticker, horizons 1 and 2
    found = fold_feedback(misses, np.zeros((2, 1), np.int8), np.ones(2), tail=TAIL, config=CONFIG)
    assert found.shared == pytest.approx([0.05 * (0.95 - 0.05), 0.05 * 0.95 / 2**0.5])
    assert found.ticker == pytest.approx(np.array([[0.02 * 0.9, 0.02 * 0.95 / 2**0.5]]))
    assert found.regime[1:] == pytest.approx(0)


def test_misses_as_often_as_they_should_be_leave_everything_where_it_was() -> None:
    misses = np.full((200, 20, 1), TAIL)
    found = fold_feedback(misses, np.zeros((200, 20), np.int8), np.ones(200), tail=TAIL, config=CONFIG)
    assert found.shared == pytest.approx(0, abs=1e-12)


def test_no_rate_is_no_feedback() -> None:
    misses, regime = draw_misses(1)
    still = CalibrationConfig(shared_rate=0, ticker_rate=0, regime_rate=0)
    found = fold_feedback(misses, regime, np.ones(80), tail=TAIL, config=still)
    assert all((part == 0).all() for part in found)
