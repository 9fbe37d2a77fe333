"""Sessions of a company's own news: a large move and a crowd, never one of them alone."""

import numpy as np
import pytest

from forecasting.features.surprises import LARGEST, score_surprises
from forecasting.types import Floats

SESSIONS, REPORT = 200, 150


def make_moves(move: float = 0.0) -> Floats:
    """Log returns of one deviation, but for one session."""
    log_return = np.resize([0.01, -0.01], SESSIONS)
    log_return[REPORT] += move
    log_return[0] = np.nan
    return log_return


def make_volume(volume: float = 1e6) -> Floats:
    traded = np.full(SESSIONS, 1e6)
    traded[REPORT] = volume
    return traded


def test_a_report_by_hand() -> None:
    score = score_surprises(make_moves(0.04), make_volume(np.e * 1e6))  # five deviations, e times the usual
    assert score[REPORT] == pytest.approx((5 - 1) * (1 - 0.4))
    assert np.nansum(score) == pytest.approx(score[REPORT])


@pytest.mark.parametrize(("move", "volume"), [(0.04, 1.3e6), (0.0, 5e6), (0.04, 0.0)])
def test_a_move_without_a_crowd_or_a_crowd_without_a_move_is_none(move: float, volume: float) -> None:
    assert not np.nan_to_num(score_surprises(make_moves(move), make_volume(volume))).any()


def test_neither_a_wild_move_nor_a_wild_volume_goes_beyond_the_bound() -> None:
    assert score_surprises(make_moves(2.0), make_volume(1e12))[REPORT] == pytest.approx(LARGEST)


def test_without_volume_or_volatility_nothing_is_known() -> None:
    score = score_surprises(make_moves(0.04), make_volume(0.0))
    assert np.isnan(score[:64]).all()  # the 63rd return is the first with a volatility
    assert np.isnan(score[REPORT])
    assert np.isfinite(np.delete(score[64:], REPORT - 64)).all()
    assert np.isnan(score_surprises(make_moves(), np.full(SESSIONS, np.nan))).all()


def test_nothing_later_is_looked_at() -> None:
    log_return, volume = make_moves(0.04), make_volume(3e6)
    cut = score_surprises(log_return[: REPORT + 1], volume[: REPORT + 1])
    np.testing.assert_array_equal(cut, score_surprises(log_return, volume)[: REPORT + 1])
