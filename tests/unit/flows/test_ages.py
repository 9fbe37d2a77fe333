"""The age of bands is counted in sessions of the ticker's own exchange, at the start of the run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import numpy as np
import pytest
from prefect.logging import disable_run_logger
from publishing import select

from db import ModelRecord, Publication, RunRecord, Store
from db.repositories.forecasts import ForecastRepository
from flows.context import RunContext, open_context
from flows.steps.ages import load_ages
from flows.steps.publish import publish
from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import Forecast
from forecasting.types import Band

DUE = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)  # a Friday evening in New York
MONDAY_EVENING = datetime(2024, 6, 10, 22, 30, tzinfo=UTC)
WEDNESDAY, THURSDAY, FRIDAY = date(2024, 6, 5), date(2024, 6, 6), date(2024, 6, 7)


def make_forecast(ticker: str, as_of: date) -> Forecast:
    return Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=next_sessions("XNYS", as_of, 1),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(get_args(Band), np.log([[0.9, 1.0, 1.1]])),
        model_variance=np.full(1, 1e-4),
        noise_variance=np.full(1, 2e-4),
        quality="champion",
        data_fingerprint="f",
        regime="normal",
        n_outcomes=(0,),
    )


@pytest.mark.parametrize(
    ("now", "ages"),
    [(DUE, {"AAPL": 0, "7203.T": 1}), (MONDAY_EVENING, {"AAPL": 1, "7203.T": 2})],
)
def test_sessions_that_closed_after_the_newest_band_are_counted(now: datetime, ages: dict[str, int]) -> None:
    """Of a late run, too; BRK.B is of no known exchange."""
    tickers = ("AAPL", "7203.T", "BRK.B", "MSFT")
    with open_context(DUE, now=now, source="yahoo", tickers=tickers) as context:
        issued = [make_forecast(ticker, FRIDAY) for ticker in ("AAPL", "BRK.B")]
        assert count_ages(context, *issued, make_forecast("7203.T", THURSDAY)) == ages


def test_tickers_of_other_runs_age_with_those_of_this_one(model: ModelRecord, run: RunRecord) -> None:
    """Tokyo has traded on Friday, on Monday, and on Tuesday before New York opens."""
    tuesday = datetime(2024, 6, 11, 12, tzinfo=UTC)
    with open_context(tuesday, now=tuesday, source="yahoo", tickers=("AAPL",)) as context:
        with context.store.writing() as tx:
            tx.models.add(model)
            record = replace(run, source="yahoo", as_of=THURSDAY)
            tx.forecasts.publish(tx.forecasts.prepare(record, [make_forecast("7203.T", THURSDAY)]))
        assert count_ages(context, make_forecast("AAPL", FRIDAY)) == {"AAPL": 1, "7203.T": 3}


def count_ages(context: RunContext, *forecasts: Forecast) -> dict[str, int]:
    with context.store.reading() as tx:
        return load_ages(tx, context, forecasts)


@pytest.fixture
def friday(store: Store, model: ModelRecord) -> Iterator[RunContext]:
    """A run on Friday evening."""
    with store.writing() as tx:
        tx.models.add(model)
    tickers = ("AAPL", "MSFT")
    with open_context(DUE, FRIDAY, now=DUE, source="yahoo", tickers=tickers) as context, disable_run_logger():
        yield context


def publish_bands(context: RunContext, run: RunRecord, *tickers: str, faults: Sequence[str] = ()) -> None:
    """Publish bands of the session of a context, and leave some tickers out."""
    record = replace(
        run,
        source="yahoo",
        run_id=f"{context.as_of} {context.now}",
        as_of=context.as_of,
        issued_at=context.now,
        quarantined=json.dumps(dict.fromkeys(faults, "stale")),
    )
    publish.fn(context, record, [make_forecast(ticker, context.as_of) for ticker in tickers], faults={})


def read_ages(context: RunContext) -> dict[str, int]:
    return dict(select(context.store, "SELECT ticker, age_sessions FROM latest_forecast"))


def test_a_run_of_an_older_session_knows_what_is_published_while_it_prepares(
    friday: RunContext, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = ForecastRepository.prepare

    def meet(self: ForecastRepository, *args: Any, **options: Any) -> Publication:
        monkeypatch.setattr(ForecastRepository, "prepare", prepare)
        publish_bands(friday, run, "AAPL", "MSFT")
        return prepare(self, *args, **options)

    monkeypatch.setattr(ForecastRepository, "prepare", meet)
    publish_bands(friday.at(THURSDAY), run, "AAPL", "MSFT")
    assert read_ages(friday) == {"AAPL": 0, "MSFT": 0}


def test_a_run_that_began_before_the_close_leaves_a_band_as_old_as_a_later_one_found_it(
    friday: RunContext, run: RunRecord
) -> None:
    """A backfill that was started in the afternoon, beside the run of the evening."""
    publish_bands(friday.at(THURSDAY), run, "AAPL", "MSFT")
    publish_bands(friday, run, "AAPL", faults=["MSFT"])
    assert read_ages(friday) == {"AAPL": 0, "MSFT": 1}
    afternoon = replace(friday, now=DUE - timedelta(hours=5))
    publish_bands(afternoon.at(WEDNESDAY), run, "AAPL", "MSFT")
    assert read_ages(friday) == {"AAPL": 0, "MSFT": 1}
    publish_bands(friday, run, "AAPL", "MSFT")
    assert read_ages(friday) == {"AAPL": 0, "MSFT": 0}


def test_a_session_that_counts_as_closed_since_ages_no_band(
    friday: RunContext, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its closure was set after a run had waited for its bars, the same evening."""
    publish_bands(friday.at(THURSDAY), run, "AAPL", "MSFT")
    publish_bands(friday, run, "AAPL", faults=["MSFT"])
    assert read_ages(friday) == {"AAPL": 0, "MSFT": 1}
    monkeypatch.setenv("BANDCAST_CLOSURES", f"XNYS:{FRIDAY}")
    later = DUE + timedelta(hours=2)
    with open_context(DUE, THURSDAY, now=later, source="yahoo", tickers=("MSFT",)) as context:
        publish_bands(context, run, "MSFT")
        assert read_ages(context) == {"AAPL": 0, "MSFT": 0}
