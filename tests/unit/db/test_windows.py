"""A daily run reads what its window needs: no statement walks through the history of a source."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from db import RunRecord, Store
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast
from forecasting.types import PriceBasis

GROWING = (
    "forecasts",
    "comparison_quantiles",
    "f",  # forecasts in the view forecast_quantiles
    "q",  # calibrated_quantiles in it
    "c",  # comparison_quantiles in it
    "band_outcomes",
    "o",  # the same in the view verifications
    "price_bars",
    "quarantines",
    "reference",
)
SESSIONS = [day.date() for day in pd.bdate_range("2024-01-02", periods=12)]
TICKERS = ("AAA", "BBB")
SINCE, LAST = SESSIONS[6], SESSIONS[-1]
MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]


@pytest.fixture
def scored(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with live bands of two tickers from nine sessions, all but those of the last one scored."""
    closes = {str(day): 100.0 + index for index, day in enumerate(SESSIONS)}
    for ticker in TICKERS:
        save_prices(served, closes, {}, ticker=ticker)
    for index, session in enumerate(SESSIONS[:9]):
        bands = [
            forecast(ticker, as_of=session, target_sessions=tuple(SESSIONS[index + 1 : index + 4]))
            for ticker in TICKERS
        ]
        at = run.issued_at + timedelta(days=index)
        with served.writing() as tx:
            own = replace(run, run_id=f"r{index}", as_of=session, issued_at=at)
            tx.forecasts.publish(tx.forecasts.prepare(own, bands))
    with served.writing() as tx:
        for ticker in TICKERS:
            pending = tx.outcomes.pending(ticker, SESSIONS[8])
            tx.outcomes.save(score_issued(pending, tx.prices.load(ticker, LAST)), run.issued_at)
    return served


READS: dict[str, Callable[[Any], object]] = {
    "pending": lambda tx: tx.outcomes.pending("AAA", LAST, SINCE),
    "closed": lambda tx: tx.outcomes.closed(LAST, SINCE),
    "scorecard": lambda tx: tx.outcomes.scorecard("horizon", since=SINCE),
    "pruning": lambda tx: tx.outcomes.forget_comparisons(SINCE, LAST),
    "completed": lambda tx: tx.forecasts.completed(SINCE, LAST, 3),
    "issued live": lambda tx: tx.forecasts.issued_live(LAST),
    "stored forecasts": lambda tx: tx.forecasts.quantiles("AAA", SINCE),
    "quarantined": lambda tx: tx.quarantines.last_refusals("AAA", LAST, 5),
    "prices to score": lambda tx: tx.prices.load("AAA", LAST, SINCE),
}


@pytest.fixture
def plans(scored: Store) -> Iterator[list[str]]:
    """Plans of the statements that SQLite runs, line by line."""
    lines: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "DELETE", "WITH")):
            plan = connection.connection.driver_connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            lines.extend(row[3] for row in plan)

    sa.event.listen(scored.engine, "before_cursor_execute", explain)
    yield lines
    sa.event.remove(scored.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("read", READS)
def test_no_statement_of_a_daily_run_walks_through_history(
    scored: Store, plans: list[str], read: str
) -> None:
    with scored.writing() as tx:
        READS[read](tx)
    touched = [line for line in plans if re.match(rf"(SCAN|SEARCH) ({'|'.join(GROWING)})\b", line)]
    assert touched
    for line in touched:
        assert line.startswith("SEARCH"), line
        assert re.search(r"ticker=\?|target_session[=><]", line), line
        assert re.search(r"as_of|target_session|session[=><]", line), line


def test_only_forecasts_of_the_window_are_pending_closed_and_counted(scored: Store) -> None:
    with scored.reading() as tx:
        pending = tx.outcomes.pending("AAA", LAST, SINCE)
        assert set(pending["as_of"]) == {session for session in SESSIONS[:9] if session >= SINCE}
        assert set(tx.outcomes.closed(LAST, SINCE)["as_of"].dt.date) == {SINCE, SESSIONS[7]}
        assert tx.outcomes.scorecard("horizon", since=SINCE)["n_outcomes"].sum() == 2 * 4 * (2 + 1)
        assert tx.forecasts.completed(SINCE, LAST, 3) == {
            (ticker, session) for ticker in TICKERS for session in SESSIONS[6:9]
        }


@pytest.mark.parametrize("basis", ["split_adjusted", "total_return"])
def test_scores_do_not_depend_on_prices_before_the_forecast(
    scored: Store, save_prices: SavePrices, basis: PriceBasis
) -> None:
    dividends = pd.DataFrame(
        {"split": [1.0, 2.0], "dividend": [0.5, 0.25]}, pd.DatetimeIndex([SESSIONS[2], SESSIONS[8]])
    )
    with scored.reading() as tx:
        pending = tx.outcomes.pending("AAA", LAST, SINCE).assign(price_basis=basis)
        history = tx.prices.load("AAA", LAST)
        recent = tx.prices.load("AAA", LAST, pending["as_of"].min())
    assert (len(history.bars), len(recent.bars)) == (12, 6)
    whole = score_issued(pending, replace(history, actions=dividends))
    part = score_issued(pending, replace(recent, actions=dividends.iloc[1:]))
    assert len(whole) > 0
    pd.testing.assert_frame_equal(whole, part, check_exact=False, rtol=1e-12)


def test_a_day_before_every_session_reads_all(scored: Store) -> None:
    with scored.reading() as tx:
        assert len(tx.prices.load("AAA", since=date.min).bars) == len(SESSIONS)
        pd.testing.assert_frame_equal(
            tx.outcomes.scorecard("ticker", since=date.min), tx.outcomes.scorecard("ticker")
        )
