"""The calibration of a walk: the same code as a daily run's, and nothing of what follows an origin."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_actions

from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.walk_forward import Issued
from forecasting.config import CalibrationConfig
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

HORIZONS, LEVELS = (1, 5), (0.05, 0.25, 0.5, 0.75, 0.95)
DAYS = pd.bdate_range("2023-01-02", periods=260)
CONFIG = CalibrationConfig(prior_blocks=10)
Universe = Mapping[str, DailyReturns]


def issue_at(index: int) -> Issued:
    band = np.array([-0.0164, -0.0067, 0.0, 0.0067, 0.0164]) * np.sqrt([[1.0], [5.0]])
    return Issued(
        origin=DAYS[index].date(),
        horizons=HORIZONS,
        levels=LEVELS,
        tickers=("A", "B"),
        regimes=("calm", "calm"),
        targets=tuple(tuple(DAYS[index + h].date() for h in HORIZONS) for _ in range(2)),
        quantiles={"predictive": np.stack([band, band]), "random_walk": np.stack([band, band])},
        remarks=(),
        reports_ahead=((0, int(index % 5 == 0)),) * 2,
    )


ISSUED = tuple(issue_at(index) for index in range(0, 240, 3))


def build_universe(log_closes: Mapping[str, pd.Series]) -> Universe:
    return {
        ticker: compute_daily_returns(
            PriceHistory(ticker, as_bars(pd.DataFrame({"close": np.exp(closes)})), make_actions()),
            "split_adjusted",
        )
        for ticker, closes in log_closes.items()
    }


@pytest.fixture(scope="module")
def log_closes() -> Mapping[str, pd.Series]:
    """Twice as wild as the bands."""
    stream = np.random.default_rng(5)
    return {name: pd.Series(np.cumsum(0.02 * stream.standard_normal(len(DAYS))), DAYS) for name in "AB"}


def calibrate(issued: Sequence[Issued], universe: Universe) -> list[Issued]:
    return [origin for origin, _ in calibrate_walk(issued, universe, CONFIG)]


@pytest.fixture(scope="module")
def calibrated(log_closes: Mapping[str, pd.Series]) -> list[Issued]:
    return calibrate(ISSUED, build_universe(log_closes))


def read_bands(issued: Sequence[Issued]) -> list[Floats]:
    return [origin.quantiles["calibrated"] for origin in issued]


def test_bands_that_were_too_narrow_come_to_cover(calibrated: Sequence[Issued]) -> None:
    bands = read_bands(calibrated)
    np.testing.assert_allclose(bands[0], ISSUED[0].quantiles["predictive"])
    first, last = (each[0, 0, -1] - each[0, 0, 0] for each in (bands[0], bands[-1]))
    assert last > 1.5 * first


def test_the_other_methods_stay_as_they_were(calibrated: Sequence[Issued]) -> None:
    for before, after in zip(ISSUED, calibrated, strict=True):
        assert list(after.quantiles) == ["calibrated", "predictive", "random_walk"]
        assert after.quantiles["predictive"] is before.quantiles["predictive"]


@pytest.mark.parametrize("cut", [30, pytest.param(120, marks=pytest.mark.long), 200])
def test_closes_after_an_origin_change_nothing_up_to_it(
    log_closes: Mapping[str, pd.Series], calibrated: Sequence[Issued], cut: int
) -> None:
    last = DAYS[cut]
    later = {name: closes.where(closes.index <= last, closes + 1.0) for name, closes in log_closes.items()}
    missing = {name: closes[closes.index <= last] for name, closes in log_closes.items()}
    cut_short = [origin for origin in ISSUED if origin.origin <= last.date()]
    truth = read_bands(calibrated)
    changed = read_bands(calibrate(ISSUED, build_universe(later)))
    assert any(not np.array_equal(bands, other) for bands, other in zip(changed, truth, strict=True))
    for other_closes in (later, missing):
        found = read_bands(calibrate(cut_short, build_universe(other_closes)))
        for bands, expected in zip(found, truth[: len(cut_short)], strict=True):
            np.testing.assert_array_equal(bands, expected)


def test_an_origin_without_forecasts_teaches_nothing(log_closes: Mapping[str, pd.Series]) -> None:
    empty = replace(
        ISSUED[1],
        tickers=(),
        regimes=(),
        targets=(),
        reports_ahead=(),
        quantiles={name: np.empty((0, 2, 5)) for name in ("predictive", "random_walk")},
    )
    universe = build_universe(log_closes)
    found = calibrate([ISSUED[0], empty, *ISSUED[2:9]], universe)
    assert found[1].quantiles["calibrated"].shape == (0, 2, 5)
    assert found[1].origin > date(2023, 1, 2)
    without = calibrate([ISSUED[0], *ISSUED[2:9]], universe)
    for bands, expected in zip(read_bands([found[0], *found[2:]]), read_bands(without), strict=True):
        np.testing.assert_array_equal(bands, expected)


def test_a_walk_of_nothing_is_nothing() -> None:
    assert calibrate([], {}) == []
