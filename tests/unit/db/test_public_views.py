"""Coverage of live bands, closes in the units of today, and who has no band."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from publishing import publish, select

from db import QuarantineRecord, RunRecord, Store
from db.migrate import downgrade, upgrade
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

DAY, NEXT = date(2024, 1, 2), date(2024, 1, 3)
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
TARGETS = (date(2024, 1, 4), date(2024, 1, 5))

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]


@pytest.fixture
def scored(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with a live band of AAA that held at both horizons, and a backfilled one of BBB that did not."""
    publish(served, run, forecast(horizon=2))
    publish(served, replace(run, run_id="r2", kind="backfill"), forecast("BBB", horizon=2))
    closes = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 104.0}
    save_prices(served, closes, {})
    save_prices(served, {**closes, "2024-01-03": 70.0, "2024-01-04": 150.0}, {}, ticker="BBB")
    for ticker in ("AAA", "BBB"):
        with served.writing() as tx:
            pending = tx.outcomes.load_pending(ticker, TARGETS[0])
            tx.outcomes.save(score_issued(pending, tx.prices.load(ticker, TARGETS[0])), NOON)
    return served


@pytest.mark.parametrize(
    ("view", "columns", "expected"),
    [
        ("coverage_by_horizon", "horizon, kind, realized_coverage", [(1, "live", 1.0), (2, "live", 1.0)]),
        (
            "all_coverage_by_horizon",
            "horizon, kind, below, above",
            [
                (1, "backfill", 1.0, 0.0),
                (1, "live", 0.0, 0.0),
                (2, "backfill", 0.0, 1.0),
                (2, "live", 0.0, 0.0),
            ],
        ),
        ("coverage_by_ticker", "ticker, outcomes, realized_coverage", [("AAA", 2, 1.0)]),
        (
            "all_coverage_by_ticker",
            "ticker, kind, realized_coverage",
            [("AAA", "live", 1.0), ("BBB", "backfill", 0.0)],
        ),
    ],
)
def test_coverage_is_that_of_live_bands_unless_all_are_selected(
    scored: Store, view: str, columns: str, expected: list[tuple[Any, ...]]
) -> None:
    query = f"SELECT {columns} FROM {view} WHERE band = 'calibrated' ORDER BY {columns}"
    assert select(scored, query) == expected


def test_levels_are_those_of_live_bands_unless_all_are_selected(scored: Store) -> None:
    query = "SELECT DISTINCT kind FROM {view} ORDER BY kind"
    assert select(scored, query.format(view="pinball_by_level")) == [("live",)]
    assert select(scored, query.format(view="all_pinball_by_level")) == [("backfill",), ("live",)]


def test_old_names_show_what_the_new_ones_show(scored: Store) -> None:
    query = (
        "SELECT count(*) FROM coverage_by_horizon WHERE method = band AND nominal = nominal_coverage"
        " AND coverage = realized_coverage"
    )
    assert select(scored, query) == select(scored, "SELECT count(*) FROM coverage_by_horizon") == [(8,)]
    same = "SELECT count(*) FROM pinball_by_level WHERE method = band"
    assert select(scored, same) == select(scored, "SELECT count(*) FROM pinball_by_level") == [(24,)]


def test_closes_before_each_split_are_divided_by_all_later_ones(
    served: Store, save_prices: SavePrices
) -> None:
    """4:1 on the 3rd and 3:2 on the 5th: 6 shares of today were one on the 2nd."""
    closes = {"2024-01-02": 120.0, "2024-01-03": 30.0, "2024-01-04": 33.0, "2024-01-05": 22.0}
    splits = {"2024-01-03": 4.0, "2024-01-05": 1.5}
    save_prices(served, closes, splits)
    save_prices(served, {"2024-01-02": 7.0}, {}, ticker="BBB")
    save_prices(served.for_source("yahoo"), {"2024-01-02": 5.0}, {})
    query = (
        "SELECT ticker, source, close, split_ratio, adjusted_close FROM adjusted_close ORDER BY 1, 2, session"
    )
    assert select(served, query) == [
        ("AAA", "sample", 120.0, 6.0, 20.0),
        ("AAA", "sample", 30.0, 1.5, 20.0),
        ("AAA", "sample", 33.0, 1.5, 22.0),
        ("AAA", "sample", 22.0, 1.0, 22.0),
        ("AAA", "yahoo", 5.0, 1.0, 5.0),
        ("BBB", "sample", 7.0, 1.0, 7.0),
    ]


def test_a_withdrawn_split_divides_nothing(served: Store, save_prices: SavePrices) -> None:
    save_prices(served, {"2024-01-02": 100.0, "2024-01-03": 25.0}, {"2024-01-03": 4.0})
    for days in (0, 7):  # missing for a week
        save_prices(served, {"2024-01-02": 100.0, "2024-01-03": 100.0}, {}, later=timedelta(days=days))
    assert select(served, "SELECT DISTINCT adjusted_close FROM adjusted_close") == [(100.0,)]


def test_the_missing_are_named_with_their_reasons(
    served: Store, run: RunRecord, forecast: MakeForecast
) -> None:
    """BBB was left out with a reason, CCC without a stored one; DDD never had a band."""
    publish(served, run, *(forecast(ticker) for ticker in ("AAA", "BBB", "CCC", "EEE", "FFF")))
    later = replace(
        run, run_id="r2", as_of=NEXT, quarantined='{"BBB": "stale", "CCC": "gap", "DDD": "gap", "EEE": "gap"}'
    )
    band = forecast(as_of=NEXT, target_sessions=TARGETS, horizon=2)
    # The exchange of EEE was closed: its newest band is fresh. FFF is no longer forecast.
    publish(served, later, band, AAA=0, BBB=1, EEE=0)
    with served.writing() as tx:
        tx.quarantines.add(
            [
                QuarantineRecord("sample", "BBB", NEXT, "stale", "no bar", NOON),
                QuarantineRecord("sample", "CCC", DAY, "gap", "of another session", NOON),
            ]
        )
    query = "SELECT source, ticker, newest_as_of, age_sessions, reason FROM missing_forecasts ORDER BY ticker"
    found = [(source, ticker, str(newest), *rest) for source, ticker, newest, *rest in select(served, query)]
    assert found == [
        ("sample", "BBB", "2024-01-02", 1, "stale"),
        ("sample", "CCC", "2024-01-02", None, None),
        ("sample", "DDD", "None", None, None),
    ]


def test_the_views_of_before_come_back(scored: Store) -> None:
    downgrade(scored.engine, "0007")
    kinds = "SELECT DISTINCT kind FROM coverage_by_horizon ORDER BY kind"
    assert select(scored, kinds) == [("backfill",), ("live",)]
    upgrade(scored.engine)
    assert select(scored, kinds) == [("live",)]
