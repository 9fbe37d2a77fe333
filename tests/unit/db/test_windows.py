"""A daily run reads what its window needs, however long the history of its source."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from db import ModelRecord, RunRecord, Selection, Store, Transaction, open_store
from db.pruning import LONGEST_BAND
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast
from forecasting.types import PriceBasis

SESSIONS = [day.date() for day in pd.bdate_range("2024-01-02", periods=12)]
TICKERS = ("AAA", "BBB")
SINCE, LAST = SESSIONS[6], SESSIONS[-1]
HISTORY = [day.date() for day in pd.bdate_range(end=LAST, periods=4 * len(SESSIONS))]
MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]


FillStore = Callable[[Store, Sequence[date]], None]


@pytest.fixture
def fill(run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> FillStore:
    """Fill a store with live bands of two tickers, all but those of the last session scored.

    The last three of the sessions have prices and no bands.
    """

    def _fill(store: Store, sessions: Sequence[date]) -> None:
        closes = {str(day): 100.0 + index for index, day in enumerate(sessions)}
        for ticker in TICKERS:
            save_prices(store, closes, {}, ticker=ticker)
        for index, session in enumerate(sessions[:-3]):
            bands = [
                forecast(ticker, as_of=session, target_sessions=tuple(sessions[index + 1 : index + 4]))
                for ticker in TICKERS
            ]
            own = replace(run, run_id=f"r{session}", as_of=session, issued_at=_evening(session))
            with store.writing() as tx:
                tx.forecasts.publish(tx.forecasts.prepare(own, bands))
        with store.writing() as tx:
            for ticker in TICKERS:
                pending = tx.outcomes.load_pending(ticker, sessions[-4])
                tx.outcomes.save(score_issued(pending, tx.prices.load(ticker, LAST)), _evening(LAST))

    return _fill


def _evening(session: date) -> datetime:
    return datetime.combine(session, time(22), UTC)


@pytest.fixture
def scored(served: Store, fill: FillStore) -> Store:
    """Store with bands from nine sessions."""
    fill(served, SESSIONS)
    return served


READS: dict[str, Callable[[Transaction], object]] = {
    "newest of all": lambda tx: tx.forecasts.load_latest(),
    "newest of some": lambda tx: tx.forecasts.load_latest(TICKERS, horizons=[1]),
    "newest up to a session": lambda tx: tx.forecasts.load_latest(until=LAST),
    "newest of some up to a session": lambda tx: tx.forecasts.load_latest(TICKERS, LAST),
    "sessions of the newest": lambda tx: tx.forecasts.list_newest(),
    "sessions of the newest up to a session": lambda tx: tx.forecasts.list_newest(TICKERS, LAST),
    "targets": lambda tx: tx.forecasts.load_targets(TICKERS, SESSIONS[8]),
    "first sessions": lambda tx: tx.forecasts.load_first_sessions(),
    "forecast tickers": lambda tx: tx.outcomes.list_tickers(),
    "pending": lambda tx: tx.outcomes.load_pending("AAA", LAST, SINCE),
    "pending paths": lambda tx: tx.paths.load_pending("AAA", LAST, SINCE),
    "closed": lambda tx: tx.outcomes.load_closed(LAST, SINCE),
    "scorecard": lambda tx: tx.outcomes.compute_scorecard("horizon", Selection(since=SINCE)),
    "conditions": lambda tx: tx.outcomes.count_by_condition(Selection(since=SINCE)),
    "touches": lambda tx: tx.paths.compare_touches(Selection(since=SINCE)),
    "pruning": lambda tx: tx.outcomes.forget_comparisons(SINCE + LONGEST_BAND, LAST + LONGEST_BAND),
    "completed": lambda tx: tx.forecasts.load_completed(SINCE, LAST, 3),
    "issued live": lambda tx: tx.forecasts.load_issued_live(LAST),
    "stored forecasts": lambda tx: tx.forecasts.load_quantiles("AAA", SINCE),
    "quarantined": lambda tx: tx.quarantines.list_last_refusals("AAA", LAST, 5),
    "prices to score": lambda tx: tx.prices.load("AAA", LAST, SINCE),
    "first and last bars": lambda tx: tx.prices.load_spans(),
    "sessions with bars": lambda tx: tx.prices.load_sessions("XNYS", SINCE, LAST),
}


def test_a_longer_history_takes_no_more_steps_of_the_database(
    tmp_path: Path, model: ModelRecord, fill: FillStore
) -> None:
    few: dict[str, int] = {}
    many: dict[str, int] = {}
    for sessions, steps in ((SESSIONS, few), (HISTORY, many)):
        with open_store(f"sqlite:///{tmp_path}/{len(sessions)}.db", model.source) as store:
            with store.writing() as tx:
                tx.models.add(model)
            fill(store, sessions)
            steps.update({name: count_steps(store, read) for name, read in READS.items()})
    assert min(few.values()) > 0
    assert {name: (few[name], many[name]) for name in READS if many[name] > 1.1 * few[name]} == {}


def count_steps(store: Store, read: Callable[[Transaction], object]) -> int:
    """Return how many instructions of SQLite's virtual machine it takes to read."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(count, 1)

    sa.event.listen(store.engine, "checkout", watch)
    with store.writing() as tx:
        read(tx)
    sa.event.remove(store.engine, "checkout", watch)
    return steps


def test_only_forecasts_of_the_window_are_pending_closed_and_counted(scored: Store) -> None:
    with scored.reading() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST, SINCE)
        assert set(pending["as_of"]) == {session for session in SESSIONS[:9] if session >= SINCE}
        assert set(tx.outcomes.load_closed(LAST, SINCE)["as_of"].dt.date) == {SINCE, SESSIONS[7]}
        assert tx.outcomes.compute_scorecard("horizon", Selection(since=SINCE))[
            "n_outcomes"
        ].sum() == 2 * 4 * (2 + 1)
        assert tx.forecasts.load_completed(SINCE, LAST, 3) == {
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
        pending = tx.outcomes.load_pending("AAA", LAST, SINCE).assign(price_basis=basis)
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
            tx.outcomes.compute_scorecard("ticker", Selection(since=date.min)),
            tx.outcomes.compute_scorecard("ticker"),
        )
