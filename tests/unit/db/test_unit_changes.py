"""Bands keep their outcomes when the stored prices take other units, or are of another instrument."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from publishing import publish, select

from db import FORGOTTEN, RunRecord, Store
from db.engine import writing
from db.schema import price_revisions
from forecasting.evaluation.outcomes import score_issued
from forecasting.evaluation.paths import measure_path_outcomes
from forecasting.forecast import Forecast, PathOdds

CLOSES = {
    "2023-12-27": 98.0,
    "2023-12-28": 97.0,
    "2023-12-29": 99.0,
    "2024-01-02": 100.0,
    "2024-01-03": 105.0,
}
LATER_CLOSES = {"2024-01-04": 85.0, "2024-01-05": 112.0}
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
DAY, LAST = date(2024, 1, 2), date(2024, 1, 5)
EXPECTED = [("2024-01-03", 1.05), ("2024-01-04", 0.85), ("2024-01-05", 1.12)]
ODDS = PathOdds((3,), (-0.1,), np.array([[0.3]]), (0.5,), np.array([[0.1]]))

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]


@pytest.fixture
def issued(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with a band and its odds, of which one target has closed and is scored."""
    save_prices(served, CLOSES, {}, later=-timedelta(days=8))
    publish(served, run, forecast(odds=ODDS))
    verify(served, NOON)
    return served


def verify(store: Store, at: datetime) -> None:
    """Score as the flow does."""
    with store.writing() as tx:
        pending, paths = tx.outcomes.load_pending("AAA", LAST), tx.paths.load_pending("AAA", LAST)
        units = tx.units.load("AAA", {*pending["as_of"], *paths["as_of"]})
        history = tx.prices.load("AAA", LAST)
        tx.outcomes.save(score_issued(pending, history, units), at)
        tx.paths.save(measure_path_outcomes(paths, history, units), at)


def outcomes(store: Store) -> list[tuple[Any, ...]]:
    query = "SELECT target_session, exp(actual_log_return), actual_close / 100 FROM band_outcomes ORDER BY 1"
    return [(str(target), *values) for target, *values in select(store, query)]


@pytest.mark.parametrize("factor", [100.0, 0.25, 0.8, 1.1, 0.993])
def test_other_units_change_no_outcome(issued: Store, save_prices: SavePrices, factor: float) -> None:
    """Pence for pounds, a split that the source never names, a dividend in a file of adjusted closes."""
    closes = {day: round(close * factor, 2) for day, close in (CLOSES | LATER_CLOSES).items()}
    save_prices(issued, closes, {}, later=timedelta(days=1))
    verify(issued, NOON + timedelta(days=1))
    found = outcomes(issued)
    assert [row[0] for row in found] == [day for day, _ in EXPECTED]
    for row, (_, ratio) in zip(found, EXPECTED, strict=True):
        assert row[1:] == pytest.approx((ratio, ratio), rel=1e-3)
    ((highest, lowest),) = select(issued, "SELECT highest, lowest FROM path_outcomes")
    assert (highest, lowest) == pytest.approx((0.12, -0.15), abs=2e-3)


def test_units_that_came_and_went_are_those_of_the_issue(issued: Store, save_prices: SavePrices) -> None:
    pence = {day: close * 100 for day, close in CLOSES.items()}
    save_prices(issued, pence, {}, later=timedelta(days=1))
    save_prices(issued, CLOSES | LATER_CLOSES, {}, later=timedelta(days=2))
    verify(issued, NOON + timedelta(days=2))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])


@pytest.mark.parametrize(
    "corrected",
    [
        {"2024-01-02": 101.0},
        {"2023-12-27": 97.0, "2023-12-28": 96.03, "2023-12-29": 98.01},  # an ex-date on the day of issue
    ],
)
def test_corrections_leave_the_anchor_as_issued(
    issued: Store, save_prices: SavePrices, corrected: dict[str, float]
) -> None:
    save_prices(issued, CLOSES | LATER_CLOSES | corrected, {}, later=timedelta(days=1))
    verify(issued, NOON + timedelta(days=1))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])


def test_bands_of_an_instrument_that_is_gone_keep_their_scores_and_get_no_others(
    issued: Store, save_prices: SavePrices
) -> None:
    before = outcomes(issued)
    with issued.writing() as tx:
        tx.prices.set_aside("AAA", None, None, reason="instrument_changed", at=NOON)
    other = {day: 12.0 + close / 50 for day, close in (CLOSES | LATER_CLOSES).items()}
    save_prices(issued, other, {}, later=timedelta(days=1))
    verify(issued, NOON + timedelta(days=1))
    assert outcomes(issued) == before
    assert select(issued, "SELECT * FROM path_outcomes") == []
    with issued.writing() as tx:  # the vendor's mistake, which it takes back
        tx.prices.set_aside("AAA", None, None, reason="instrument_changed", at=NOON + timedelta(days=2))
    save_prices(issued, CLOSES | LATER_CLOSES, {}, later=timedelta(days=2))
    verify(issued, NOON + timedelta(days=3))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])


def test_bands_from_a_mistaken_file_are_not_scored_by_the_right_one(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    """The owner had the file of another instrument under this name, and has forgotten its prices."""
    stream = np.random.default_rng(3)
    days = [str(day.date()) for day in pd.bdate_range(end=DAY, periods=40)]
    mistaken, right = (
        dict(zip(days, level * np.exp(np.cumsum(0.01 * stream.standard_normal(40))), strict=True))
        for level in (100.0, 25.0)
    )
    save_prices(served, mistaken | {str(DAY): 100.0}, {}, later=-timedelta(days=8))
    publish(served, run, forecast(odds=ODDS))
    with served.writing() as tx:
        tx.prices.set_aside("AAA", None, None, reason=FORGOTTEN, at=NOON)
    later = {day: close / 4 for day, close in LATER_CLOSES.items()}
    save_prices(served, right | {"2024-01-03": 26.0} | later, {}, later=timedelta(days=1))
    verify(served, NOON + timedelta(days=1))
    assert outcomes(served) == []
    assert select(served, "SELECT * FROM path_outcomes") == []


def test_without_revisions_the_units_are_those_of_the_issue(issued: Store, save_prices: SavePrices) -> None:
    """They have been pruned, after a correction of the anchor's bar."""
    before = {str(day.date()): 98.0 for day in pd.bdate_range(end="2023-12-26", periods=40)}
    corrected = before | CLOSES | {"2024-01-02": 101.0} | LATER_CLOSES
    save_prices(issued, corrected, {}, later=timedelta(days=1))
    with writing(issued.engine) as connection:
        connection.execute(sa.delete(price_revisions))
    verify(issued, NOON + timedelta(days=1))
    assert outcomes(issued)[-1][1] == pytest.approx(1.12)


def test_pruning_keeps_the_revisions_that_tell_the_units(issued: Store, save_prices: SavePrices) -> None:
    pence = {day: close * 100 for day, close in (CLOSES | LATER_CLOSES).items()}
    save_prices(issued, {day: pence[day] for day in CLOSES}, {}, later=timedelta(days=1))
    verify(issued, NOON + timedelta(days=1))
    issued.prune(NOON + timedelta(days=40), timedelta(days=30))
    save_prices(issued, pence, {}, later=timedelta(days=41))
    verify(issued, NOON + timedelta(days=42))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])


def test_pruning_keeps_the_revisions_that_tell_of_another_instrument(
    issued: Store, save_prices: SavePrices
) -> None:
    """The other one has no bar of the band's session."""
    before = outcomes(issued)
    with issued.writing() as tx:
        tx.prices.set_aside("AAA", None, None, reason="instrument_changed", at=NOON)
    save_prices(issued, dict.fromkeys(("2024-01-03", *LATER_CLOSES), 12.0), {}, later=timedelta(days=1))
    issued.prune(NOON + timedelta(days=40), timedelta(days=30))
    verify(issued, NOON + timedelta(days=42))
    assert outcomes(issued) == before


def test_pruning_leaves_no_later_revision_without_the_ones_before(
    issued: Store, save_prices: SavePrices
) -> None:
    """Other units for some days, of which the return is younger than what is kept; later once more."""
    pence = {day: close * 100 for day, close in (CLOSES | LATER_CLOSES).items()}
    save_prices(issued, {day: pence[day] for day in CLOSES}, {}, later=timedelta(days=1))
    save_prices(issued, CLOSES, {}, later=timedelta(days=8))
    issued.prune(NOON + timedelta(days=35), timedelta(days=30))
    save_prices(issued, pence, {}, later=timedelta(days=36))
    verify(issued, NOON + timedelta(days=36))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])


def test_pruning_keeps_an_instrument_that_has_come_back(issued: Store, save_prices: SavePrices) -> None:
    other = dict.fromkeys(CLOSES, 12.0)
    for days, closes in ((1, other), (8, CLOSES | LATER_CLOSES)):
        at = NOON + timedelta(days=days)
        with issued.writing() as tx:
            tx.prices.set_aside("AAA", None, None, reason="instrument_changed", at=at)
        save_prices(issued, closes, {}, later=timedelta(days=days))
    issued.prune(NOON + timedelta(days=35), timedelta(days=30))
    verify(issued, NOON + timedelta(days=36))
    assert [row[1] for row in outcomes(issued)] == pytest.approx([ratio for _, ratio in EXPECTED])
