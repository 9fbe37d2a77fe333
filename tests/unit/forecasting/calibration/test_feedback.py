"""The feedback against a twin that goes through dates, tickers and horizons one by one."""

import numpy as np
import pytest

from forecasting.calibration.feedback import feedback_of
from forecasting.config import CalibrationConfig

TAIL = 0.05
CONFIG = CalibrationConfig(shared_rate=0.05, ticker_rate=0.02, regime_rate=0.03, largest_feedback=0.4)


def misses_of(seed: int, shape: tuple[int, int, int] = (80, 5, 3)) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(seed)
    misses = (stream.random(shape) < 0.15).astype(np.float64)
    misses[stream.random(shape) < 0.1] = np.nan
    misses[-2:, :, 1:] = np.nan  # not closed yet
    regime = np.repeat(stream.integers(0, 3, (shape[0], 1)), shape[1], axis=1).astype(np.int8)
    return misses, regime


def twin(
    misses: np.ndarray, regime: np.ndarray, gaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dates, tickers, horizons = misses.shape
    shared, own, by_regime = np.zeros(horizons), np.zeros((tickers, horizons)), np.zeros((3, horizons))

    def moved(value: float, rate: float, error: float, horizon: int) -> float:
        step = rate * (gaps[day] / horizon) ** 0.5 * error
        return min(max(value + step, -CONFIG.largest_feedback), CONFIG.largest_feedback)

    for day in range(dates):
        for place in range(horizons):
            known = [one for one in range(tickers) if np.isfinite(misses[day, one, place])]
            if not known:
                continue
            error = float(np.mean([misses[day, one, place] - TAIL for one in known]))
            shared[place] = moved(shared[place], CONFIG.shared_rate, error, place + 1)
            state = regime[day, known[0]]
            by_regime[state, place] = moved(by_regime[state, place], CONFIG.regime_rate, error, place + 1)
            for one in known:
                missed = misses[day, one, place] - TAIL
                own[one, place] = moved(own[one, place], CONFIG.ticker_rate, missed, place + 1)
    return shared, own, by_regime


@pytest.mark.parametrize("seed", range(3))
def test_the_fold_is_that_of_the_twin(seed):
    misses, regime = misses_of(seed)
    gaps = np.repeat([10.0, 1.0], 40)  # a cold start every tenth session, then every day
    found = feedback_of(misses, regime, gaps, TAIL, CONFIG)
    for ours, theirs in zip(found, twin(misses, regime, gaps), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_one_miss_by_hand():
    misses = np.array([[[1.0, 1.0]], [[0.0, np.nan]]])  # two dates, one ticker, horizons 1 and 2
    found = feedback_of(misses, np.zeros((2, 1), np.int8), np.ones(2), TAIL, CONFIG)
    assert found.shared == pytest.approx([0.05 * (0.95 - 0.05), 0.05 * 0.95 / 2**0.5])
    assert found.ticker == pytest.approx(np.array([[0.02 * 0.9, 0.02 * 0.95 / 2**0.5]]))
    assert found.regime[1:] == pytest.approx(0)


def test_misses_as_often_as_they_should_be_leave_everything_where_it_was():
    misses = np.full((200, 20, 1), TAIL)
    found = feedback_of(misses, np.zeros((200, 20), np.int8), np.ones(200), TAIL, CONFIG)
    assert found.shared == pytest.approx(0, abs=1e-12)


def test_no_rate_is_no_feedback():
    misses, regime = misses_of(1)
    still = CalibrationConfig(shared_rate=0, ticker_rate=0, regime_rate=0)
    assert all((part == 0).all() for part in feedback_of(misses, regime, np.ones(80), TAIL, still))
