"""Sessions that a daily run publishes after an outage, by the setting."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from issued_forecasts import make_forecast
from records import make_run

from db import ModelRecord, QuarantineRecord
from flows.context import RunContext, open_context
from flows.steps.missing_sessions import load_missing_sessions, load_unfinished, plan_sessions
from forecasting.forecast import Forecast
from forecasting.types import RunKind

NOW = datetime(2013, 3, 4, tzinfo=UTC)
LAST = date(2013, 3, 1)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2013, 2, day) for day in (25, 26, 27, 28))
TICKERS = ("AAPL", "IBM")


def publish(context: RunContext, forecasts: Sequence[Forecast], kind: RunKind = "live") -> None:
    with context.store.writing() as tx:
        tx.models.add(ModelRecord("m", "sample", date(2013, 1, 2), b"", "{}", {}, "f", NOW))
        for forecast in forecasts:
            run_id = f"{forecast.ticker}-{forecast.as_of}"
            run = make_run(run_id, forecast.as_of, NOW, kind=kind)
            tx.forecasts.publish(tx.forecasts.prepare(run, [forecast]))


def publish_all(context: RunContext, as_of: date, horizon: int = 30, kind: RunKind = "live") -> None:
    publish(context, [make_forecast(ticker, as_of, horizon) for ticker in TICKERS], kind)


def quarantine(context: RunContext, ticker: str, as_of: date) -> None:
    with context.store.writing() as tx:
        tx.quarantines.add([QuarantineRecord("sample", ticker, as_of, "stale", "no bar", NOW)])


@pytest.fixture
def context(migrated: None) -> Iterator[RunContext]:
    """Two tickers on the first of March; of the week before, Tuesday and Thursday lack bands."""
    with open_context(NOW, LAST, now=NOW, tickers=TICKERS, source="sample") as opened:
        publish_all(opened, MONDAY)
        publish_all(opened, WEDNESDAY)
        publish(opened, [make_forecast("AAPL", THURSDAY)])
        yield opened


def test_missing_sessions_are_listed_and_only_the_due_one_is_published(context: RunContext) -> None:
    plan = plan_sessions(context, None, "report", sessions=10, force=False)
    assert plan.missing == (TUESDAY, THURSDAY)
    assert (plan.filled, plan.reason) == ((), "")


def test_missing_sessions_are_filled_oldest_first_beside_the_due_one(context: RunContext) -> None:
    plan = plan_sessions(context, None, "fill", sessions=10, force=False)
    assert plan.filled == (TUESDAY, THURSDAY)
    assert plan.reason == ""
    assert [context.at(day).kind for day in plan.filled] == ["backfill", "backfill"]


def test_off_looks_for_nothing(context: RunContext) -> None:
    assert plan_sessions(context, None, "off", sessions=10, force=False).missing == ()


@pytest.mark.parametrize(
    ("sessions", "found"),
    [(1, (THURSDAY,)), (3, (TUESDAY, THURSDAY)), (60, (TUESDAY, THURSDAY))],
)
def test_the_look_back_is_bounded_and_nothing_is_missing_before_the_first_forecast(
    context: RunContext, sessions: int, found: tuple[date, ...]
) -> None:
    assert load_missing_sessions(context, sessions) == found


def test_a_ticker_that_was_left_out_with_a_reason_is_not_missing(context: RunContext) -> None:
    quarantine(context, "IBM", THURSDAY)
    assert load_missing_sessions(context, 10) == (TUESDAY,)


def test_a_session_of_which_every_ticker_was_left_out_is_missing(context: RunContext) -> None:
    """The vendor had an outage, and the run failed."""
    for ticker in TICKERS:
        quarantine(context, ticker, TUESDAY)
    assert load_missing_sessions(context, 10) == (TUESDAY, THURSDAY)
    assert load_unfinished(context, TUESDAY, force=False) == TICKERS


@pytest.mark.parametrize(("kind", "is_missing"), [("backfill", True), ("live", False)])
def test_a_session_of_a_shorter_horizon_is_complete_if_it_is_live(
    context: RunContext, kind: RunKind, is_missing: bool
) -> None:
    publish_all(context, TUESDAY, 5, kind)
    assert (TUESDAY in load_missing_sessions(context, 10)) is is_missing


@pytest.mark.parametrize("force", [False, True])
def test_a_complete_session_rests_unless_it_is_forced(context: RunContext, force: bool) -> None:
    publish_all(context, LAST)
    plan = plan_sessions(context, None, "report", sessions=10, force=force)
    assert plan.is_empty is not force
    assert ("are complete; set force" in plan.describe()) is not force
    assert str(TUESDAY) in plan.describe()


def test_force_counts_what_was_left_out_as_unfinished_and_bands_of_their_day_as_finished(
    context: RunContext,
) -> None:
    quarantine(context, "IBM", THURSDAY)
    assert load_unfinished(context, THURSDAY, force=False) == ()
    assert load_unfinished(context, THURSDAY, force=True) == ("IBM",)
    assert load_unfinished(context, TUESDAY, force=False) == TICKERS


def test_a_run_that_reissues_counts_bands_of_their_day_as_unfinished(context: RunContext) -> None:
    publish_all(context, TUESDAY, kind="live")
    assert load_unfinished(context, TUESDAY, force=True) == ()
    assert load_unfinished(replace(context, reissue=True), TUESDAY, force=True) == TICKERS
