"""Sessions of a company's own news: a large move and a crowd, never one of them alone."""

import numpy as np
import pandas as pd
import pytest

from forecasting.features.earnings import LARGEST, surprises_of

SESSIONS, REPORT = 200, 150


def bars_of(move=0.0, volume=1e6):
    """Moves of one deviation, but for one session."""
    returns = np.resize([0.01, -0.01], SESSIONS)
    returns[REPORT] += move
    volumes = np.full(SESSIONS, 1e6)
    volumes[REPORT] = volume
    index = pd.bdate_range("2020-01-01", periods=SESSIONS)
    return pd.DataFrame({"close": 50 * np.exp(np.cumsum(returns)), "volume": volumes}, index)


def test_a_report_by_hand():
    score = surprises_of(bars_of(move=0.04, volume=np.e * 1e6))  # five deviations, e times the usual volume
    assert score[REPORT] == pytest.approx((5 - 1) * (1 - 0.4))
    assert np.nansum(score) == pytest.approx(score[REPORT])


@pytest.mark.parametrize(("move", "volume"), [(0.04, 1.3e6), (0.0, 5e6), (0.04, 0.0)])
def test_a_move_without_a_crowd_or_a_crowd_without_a_move_is_none(move, volume):
    assert not np.nan_to_num(surprises_of(bars_of(move, volume))).any()


def test_neither_a_wild_move_nor_a_wild_volume_goes_beyond_the_bound():
    assert surprises_of(bars_of(move=2.0, volume=1e12))[REPORT] == pytest.approx(LARGEST)


def test_without_volume_or_volatility_nothing_is_known():
    score = surprises_of(bars_of(move=0.04, volume=0.0))
    assert np.isnan(score[:64]).all()  # the 63rd return is the first with a volatility
    assert np.isnan(score[REPORT])
    assert np.isfinite(np.delete(score[64:], REPORT - 64)).all()
    assert np.isnan(surprises_of(bars_of().assign(volume=np.nan))).all()


def test_nothing_later_is_looked_at():
    bars = bars_of(move=0.04, volume=3e6)
    np.testing.assert_array_equal(surprises_of(bars.iloc[: REPORT + 1]), surprises_of(bars)[: REPORT + 1])
