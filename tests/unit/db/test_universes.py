"""The universe of a source follows the newest run of each exchange, on both databases."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from publishing import select

from db import RunRecord, Store
from db.engine import writing
from db.migrate import downgrade, upgrade
from db.schema import instruments
from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import Forecast

TUE, WED, THU, FRI = (date(2024, 1, day) for day in (2, 3, 4, 5))
NEW_YORK, TOKYO = ("AAA", "BBB"), ("1111.T", "2222.T")
BOTH = (*NEW_YORK, *TOKYO)
MakeForecast = Callable[..., Forecast]


@dataclass(frozen=True)
class Run:
    """One run: its session, the tickers that it has, those that it leaves out, and the configured ones."""

    session: date
    tickers: Sequence[str]
    left_out: Sequence[str] = ()
    listed: Sequence[str] = ()


CASES: dict[str, tuple[Sequence[Run], Sequence[str]]] = {
    "one exchange": ([Run(TUE, NEW_YORK), Run(WED, NEW_YORK)], NEW_YORK),
    "a ticker is taken out of the list": ([Run(TUE, NEW_YORK), Run(WED, ["AAA"])], ["AAA"]),
    "and comes back": ([Run(TUE, NEW_YORK), Run(WED, ["AAA"]), Run(THU, NEW_YORK)], NEW_YORK),
    "one that is left out stays": ([Run(TUE, NEW_YORK), Run(WED, ["AAA"], ["BBB"])], NEW_YORK),
    "a subset of the same session": ([Run(TUE, NEW_YORK), Run(TUE, ["AAA"])], NEW_YORK),
    "a subset of the next session": ([Run(TUE, NEW_YORK), Run(WED, ["AAA"], listed=NEW_YORK)], NEW_YORK),
    "a subset, and the list has one less": (
        [Run(TUE, NEW_YORK), Run(WED, ["AAA"], listed=["AAA"])],
        ["AAA"],
    ),
    "a listed one that left does not come back by itself": (
        [Run(TUE, NEW_YORK), Run(WED, ["AAA"]), Run(THU, ["AAA"], listed=NEW_YORK)],
        ["AAA"],
    ),
    "an older session": ([Run(WED, ["AAA"]), Run(TUE, ["AAA", "CCC"])], ["AAA"]),
    "two exchanges in one run": ([Run(TUE, BOTH), Run(WED, BOTH)], BOTH),
    "runs in turn, after the first": ([Run(TUE, NEW_YORK), Run(WED, TOKYO)], BOTH),
    "runs in turn, Tokyo's newer": ([Run(TUE, TOKYO), Run(TUE, NEW_YORK), Run(WED, TOKYO)], BOTH),
    "runs in turn, both newer": (
        [Run(TUE, TOKYO), Run(TUE, NEW_YORK), Run(WED, TOKYO), Run(WED, NEW_YORK)],
        BOTH,
    ),
    "runs in turn, and one of both in the morning": (
        [Run(TUE, TOKYO), Run(TUE, NEW_YORK), Run(WED, BOTH), Run(THU, TOKYO)],
        BOTH,
    ),
    "runs in turn, and one takes a ticker out": (
        [Run(TUE, TOKYO), Run(TUE, NEW_YORK), Run(WED, ["1111.T"])],
        [*NEW_YORK, "1111.T"],
    ),
    "an unknown symbol of Tokyo": (
        [Run(TUE, NEW_YORK), Run(WED, ["1111.T"], ["9999.T"]), Run(THU, NEW_YORK)],
        [*NEW_YORK, "1111.T", "9999.T"],
    ),
    "a symbol of no exchange": ([Run(TUE, NEW_YORK, ["X.ZZ"]), Run(WED, TOKYO)], BOTH),
    "an exchange is taken out of the one list": ([Run(TUE, BOTH), Run(WED, NEW_YORK)], NEW_YORK),
    "and stays out": ([Run(TUE, BOTH), Run(WED, NEW_YORK), Run(THU, ["^N225"])], [*NEW_YORK, "^N225"]),
    "an exchange is left out by a subset": ([Run(TUE, BOTH), Run(WED, NEW_YORK, listed=BOTH)], BOTH),
    "an exchange whose own runs have ended": (
        [Run(TUE, TOKYO), *(Run(TUE + timedelta(days=days), NEW_YORK) for days in (1, 14))],
        BOTH,
    ),
    "an exchange whose own runs ended two weeks ago": (
        [Run(TUE, TOKYO), *(Run(TUE + timedelta(days=days), NEW_YORK) for days in (1, 15))],
        NEW_YORK,
    ),
}


Publish = Callable[..., None]


@pytest.fixture
def publish(run: RunRecord, forecast: MakeForecast) -> Publish:
    """Publish a run of a store's source."""

    def play(store: Store, step: Run, **ages: int) -> None:
        targets = next_sessions("XNYS", step.session, 1)
        bands = [
            forecast(ticker, as_of=step.session, target_sessions=targets, horizon=1)
            for ticker in step.tickers
        ]
        record = replace(
            run,
            run_id=f"{store.source} {step.session} {','.join(step.tickers)}",
            source=store.source,
            as_of=step.session,
            quarantined=json.dumps(dict.fromkeys(step.left_out, "stale")),
        )
        with store.writing() as tx:
            tx.forecasts.publish(tx.forecasts.prepare(record, bands, listed=step.listed), ages)

    return play


def test_the_universe_is_that_of_the_newest_run_of_each_exchange(served: Store, publish: Publish) -> None:
    """Each case is a source of its own, so that two stores hold all."""
    for case, (steps, _) in CASES.items():
        for step in steps:
            publish(served.for_source(case), step)
    found: dict[str, list[str]] = {}
    for case, ticker in select(served, "SELECT source, ticker FROM universes WHERE in_universe = 1"):
        found.setdefault(case, []).append(ticker)
    expected = {case: sorted(tickers) for case, (_, tickers) in CASES.items()}
    assert {case: sorted(tickers) for case, tickers in found.items()} == expected
    shown: dict[str, set[str]] = {}
    for case, ticker in select(served, "SELECT source, ticker FROM latest_forecast"):
        shown.setdefault(case, set()).add(ticker)
    never_forecast = {"X.ZZ", "9999.T"}
    assert shown == {case: set(tickers) - never_forecast for case, tickers in expected.items()}
    counts = dict(select(served, "SELECT source, tickers FROM freshness"))
    assert counts == {case: len(tickers) for case, tickers in expected.items()}


def test_readers_see_both_exchanges_between_their_runs(served: Store, publish: Publish) -> None:
    for step in (Run(TUE, TOKYO), Run(TUE, NEW_YORK), Run(WED, TOKYO)):
        publish(served, step, **dict.fromkeys(step.tickers, 0))
    query = "SELECT DISTINCT ticker, as_of FROM latest_forecast ORDER BY ticker"
    found = [(ticker, str(as_of)) for ticker, as_of in select(served, query)]
    assert found == [(t, str(WED if t in TOKYO else TUE)) for t in sorted(BOTH)]
    assert select(served, "SELECT ticker FROM missing_forecasts") == []
    query = "SELECT session, tickers, with_bands, missing FROM freshness"
    assert [(str(session), *counts) for session, *counts in select(served, query)] == [(str(WED), 4, 4, 0)]


def test_an_exchange_whose_runs_have_ended_ages_with_those_of_others(served: Store, publish: Publish) -> None:
    publish(served, Run(TUE, TOKYO), **dict.fromkeys(TOKYO, 0))
    publish(served, Run(FRI, NEW_YORK), **dict.fromkeys(NEW_YORK, 0), **dict.fromkeys(TOKYO, 3))
    query = "SELECT ticker, age_sessions FROM missing_forecasts ORDER BY ticker"
    assert select(served, query) == [("1111.T", 3), ("2222.T", 3)]
    query = "SELECT tickers, with_bands, missing FROM freshness"
    assert select(served, query) == [(4, 2, 2)]


def test_the_stored_calendar_decides_over_the_suffix(
    served: Store, publish: Publish, save_prices: Callable[..., None]
) -> None:
    """CCC follows Tokyo, as BANDCAST_CALENDARS may say."""
    save_prices(served, {"2024-01-02": 100.0}, {}, ticker="CCC")
    with writing(served.engine) as connection:
        connection.execute(sa.update(instruments).values(calendar="XTKS"))
    for step in (Run(TUE, ["CCC"]), Run(WED, NEW_YORK), Run(THU, ["1111.T"])):
        publish(served, step)
    with served.reading() as tx:
        assert [ticker for ticker, _ in tx.forecasts.list_newest()] == ["1111.T", *NEW_YORK]


def test_an_upgraded_store_keeps_its_universe(served: Store, publish: Publish) -> None:
    for step in (Run(TUE, TOKYO), Run(WED, NEW_YORK)):
        publish(served, step)
    downgrade(served.engine, "0017")
    query = "SELECT DISTINCT ticker FROM latest_forecast ORDER BY ticker"
    assert [ticker for (ticker,) in select(served, query)] == list(NEW_YORK)
    upgrade(served.engine)
    assert [ticker for (ticker,) in select(served, query)] == list(NEW_YORK)
    publish(served, Run(THU, TOKYO))
    assert [ticker for (ticker,) in select(served, query)] == sorted(BOTH)
