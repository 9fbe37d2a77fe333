"""What other programs ask, with answers computed by hand, at most two joins each."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from db import QuarantineRecord, RunRecord, Store
from db.engine import reading
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
# AAA is within 10 % but on the 4th, when it falls to 85; BBB has bands of 20 %, and no bar on the 5th.
CLOSES = {
    "AAA": {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0, "2024-01-05": 112.0},
    "BBB": {"2024-01-02": 50.0, "2024-01-03": 55.0, "2024-01-04": 45.0},
}
WIDE = np.log([0.8, 1.0, 1.2]) * np.ones((2, 1))

QUESTIONS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "the newest bands of a ticker": (
        "SELECT horizon, round(10 * lower), round(10 * median), round(10 * upper) FROM latest_forecast"
        " WHERE source = 'sample' AND ticker = 'AAA' ORDER BY horizon",
        [(1, 945.0, 1050.0, 1155.0), (2, 945.0, 1050.0, 1155.0)],
    ),
    "the bands as issued on a day": (
        "SELECT ticker, horizon, anchor_close FROM forecasts WHERE as_of = '2024-01-02' ORDER BY 1, 2",
        [("AAA", 1, 100.0), ("AAA", 2, 100.0), ("BBB", 1, 50.0), ("BBB", 2, 50.0)],
    ),
    "all bands of a session": (
        "SELECT as_of, horizon FROM forecasts WHERE ticker = 'AAA' AND target_session = '2024-01-04'"
        " ORDER BY as_of",
        [("2024-01-02", 2), ("2024-01-03", 1)],
    ),
    "the misses of a session": (
        "SELECT ticker, as_of, below FROM verifications WHERE method = 'calibrated' AND kind = 'live'"
        " AND target_session = '2024-01-04' AND inside = 0 ORDER BY as_of",
        [("AAA", "2024-01-02", 1), ("AAA", "2024-01-03", 1)],
    ),
    "coverage of a span by ticker": (
        "SELECT ticker, count(*), sum(inside) FROM verifications WHERE method = 'calibrated'"
        " AND kind = 'live' AND target_session BETWEEN '2024-01-01' AND '2024-01-05' GROUP BY ticker"
        " ORDER BY ticker",
        [("AAA", 4, 2), ("BBB", 2, 2)],
    ),
    "coverage by horizon": (
        "SELECT horizon, outcomes, realized_coverage FROM coverage_by_horizon WHERE band = 'calibrated'"
        " ORDER BY horizon",
        [(1, 3, pytest.approx(2 / 3)), (2, 3, pytest.approx(2 / 3))],
    ),
    "a portfolio with its bands": (
        "WITH portfolio AS (SELECT 'AAA' AS ticker, 3 AS shares UNION ALL SELECT 'BBB', 2)"
        " SELECT p.ticker, round(10 * p.shares * f.lower) FROM portfolio p"
        " JOIN latest_forecast f ON f.ticker = p.ticker AND f.horizon = 1 ORDER BY p.ticker",
        [("AAA", 2835.0), ("BBB", 800.0)],
    ),
    "how likely a close below a price is, at least and at most": (
        "SELECT max(CASE WHEN price <= 100 THEN level END), min(CASE WHEN price >= 100 THEN level END)"
        " FROM forecast_quantiles WHERE ticker = 'AAA' AND as_of = '2024-01-03' AND horizon = 1"
        " AND band = 'calibrated'",
        [(0.05, 0.5)],
    ),
    "the widest bands": (
        "SELECT ticker, round(100 * (upper - lower) / anchor_close) FROM latest_forecast WHERE horizon = 1"
        " ORDER BY (upper - lower) / anchor_close DESC",
        [("BBB", 40.0), ("AAA", 20.0)],
    ),
    "the models of a ticker's bands": (
        "SELECT model_version, min(as_of), max(as_of) FROM forecasts WHERE ticker = 'AAA'"
        " GROUP BY model_version",
        [("m1", "2024-01-02", "2024-01-03")],
    ),
    "how the band of a session moved": (
        "SELECT as_of, round(10 * lower), round(10 * upper) FROM forecasts WHERE ticker = 'AAA'"
        " AND target_session = '2024-01-04' ORDER BY as_of",
        [("2024-01-02", 900.0, 1100.0), ("2024-01-03", 945.0, 1155.0)],
    ),
    "who has no band of the newest session, and why": (
        "SELECT ticker, session, newest_as_of, reason FROM missing_forecasts ORDER BY ticker",
        [("BBB", "2024-01-03", "2024-01-02", "stale")],
    ),
    "how fresh the bands are": (
        "SELECT source, session, tickers, with_bands, missing FROM freshness",
        [("sample", "2024-01-03", 2, 1, 1)],
    ),
    "outcomes beside the bands": (
        "SELECT horizon, actual_close, inside FROM forecast_with_outcome WHERE ticker = 'AAA'"
        " AND as_of = '2024-01-03' ORDER BY horizon",
        [(1, 85.0, 0), (2, 112.0, 1)],
    ),
    "closes in the units of today": (
        "SELECT session, adjusted_close FROM adjusted_close WHERE ticker = 'AAA' ORDER BY session",
        [("2024-01-02", 100.0), ("2024-01-03", 105.0), ("2024-01-04", 85.0), ("2024-01-05", 112.0)],
    ),
}


@pytest.fixture
def asked(
    served: Store, run: RunRecord, forecast: Callable[..., Forecast], save_prices: Callable[..., None]
) -> Store:
    """Store with bands of AAA and BBB from the first session, of AAA from the second, all scored."""
    first = [
        forecast(horizon=2, target_sessions=tuple(DAYS[1:3])),
        forecast("BBB", 2, target_sessions=tuple(DAYS[1:3]), anchor_close=50.0, log_returns=wide()),
    ]
    second = forecast(horizon=2, as_of=DAYS[1], target_sessions=tuple(DAYS[2:]), anchor_close=105.0)
    second = replace(second, log_returns=dict.fromkeys(wide(), np.log([0.9, 1.0, 1.1]) * np.ones((2, 1))))
    later = replace(run, run_id="r2", as_of=DAYS[1], quarantined='{"BBB": "stale"}')
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, first))
        tx.forecasts.publish(tx.forecasts.prepare(later, [second]))
        tx.quarantines.add([QuarantineRecord("sample", "BBB", DAYS[1], "stale", "no bar", NOON)])
    for ticker, closes in CLOSES.items():
        save_prices(served, closes, {}, ticker=ticker)
        with served.writing() as tx:
            pending = tx.outcomes.pending(ticker, DAYS[-1])
            tx.outcomes.save(score_issued(pending, tx.prices.load(ticker, DAYS[-1])), NOON)
    return served


def wide() -> dict[Any, Any]:
    return dict.fromkeys(("mc_dropout", "predictive", "calibrated", "random_walk"), WIDE)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_consumer_has_the_right_answer(asked: Store, question: str) -> None:
    query, expected = QUESTIONS[question]
    assert query.count(" JOIN ") <= 2
    with reading(asked.engine) as connection:
        rows = connection.execute(sa.text(query)).all()
    assert [tuple(str(cell) if isinstance(cell, date) else cell for cell in row) for row in rows] == expected
