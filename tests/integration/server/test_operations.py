"""Weeks on a real server: late runs, a holiday, an outage, a cancelled backfill, a cancelled training."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from reading_store import rows
from served import AFTER_CLOSE, BACKFILL, Served, eventually
from yahoo_imitation import Listing

from db import upgrade_store
from forecasting.calendars.sessions import sessions_between

LAST = date(2024, 6, 7)
TICKERS = ["AAPL", "MSFT"]
LIVE: dict[str, Any] = {"source": "yahoo", "tickers": TICKERS, "horizon": 5}


@pytest.fixture(autouse=True)
def market(served: Served) -> None:
    """Prices to fetch, and a store to look into before the first run has made one."""
    upgrade_store(served.url)
    for seed, ticker in enumerate(TICKERS):
        sessions = sessions_between("XNYS", LAST - timedelta(days=900), LAST)
        steps = np.random.default_rng(seed).normal(0, 0.01, len(sessions))
        closes = (100 * np.exp(np.cumsum(steps))).round(2).tolist()
        served.yahoo.listings[ticker] = Listing(dict(zip(sessions, closes, strict=True)))


def evening(day: str) -> datetime:
    """18:30 in New York, in summer."""
    return datetime.fromisoformat(f"{day}T22:30").replace(tzinfo=UTC)


def published(served: Served, since: str) -> dict[str, str]:
    """Sessions with complete bands from a day on, and how they came about."""
    found = rows(
        "SELECT f.as_of, r.kind, count(*) FROM forecasts f JOIN forecast_runs r USING (run_id) "
        f"WHERE r.source = 'yahoo' AND f.as_of >= '{since}' GROUP BY f.as_of, r.kind",
        served.url,
    )
    assert {count for _, _, count in found} <= {10}
    assert max(Counter(session for session, _, _ in found).values(), default=1) == 1
    return {session: kind for session, kind, _ in found}


def test_a_late_run_computes_its_own_day_and_the_next_one_fills_what_an_outage_left(served: Served) -> None:
    late = served.run(AFTER_CLOSE, evening("2024-05-31"), **LIVE)
    assert late.name == "daily-2024-05-31"
    assert published(served, "2024-05-28") == {"2024-05-31": "live"}

    served.run(AFTER_CLOSE, evening("2024-06-04"), **LIVE)  # the deployment's catch_up is fill
    assert published(served, "2024-05-28") == {
        "2024-05-31": "live",
        "2024-06-03": "backfill",
        "2024-06-04": "live",
    }

    morning = datetime(2024, 6, 5, 12, 0, tzinfo=UTC)
    rest = served.run(AFTER_CLOSE, morning, **LIVE)
    assert rest.state is not None
    assert rest.state.name == "Skipped"
    assert "2024-06-04 are complete" in str(rest.state.message)


def test_a_holiday_ends_as_skipped_with_the_reason(served: Served) -> None:
    run = served.run(AFTER_CLOSE, evening("2024-05-27"), **LIVE)
    assert run.state is not None
    assert (run.state.type.value, run.state.name) == ("COMPLETED", "Skipped")
    assert "XNYS had no session in the 24 hours before 2024-05-27 22:30 UTC" in str(run.state.message)


@pytest.mark.long
def test_a_cancelled_backfill_goes_on_where_it_stopped(served: Served) -> None:
    parameters: dict[str, Any] = {**LIVE, "start": "2024-05-22", "end": "2024-05-24"}
    first = served.start(BACKFILL, **parameters)
    eventually(lambda: sessions_done(served) or None, "a first session")
    served.cancel(first)
    done = sessions_done(served)
    again = served.run(BACKFILL, **parameters)
    assert again.name == "backfill-2024-05-22-2024-05-24"
    after = {day: kind for day, kind in published(served, "2024-05-22").items() if day <= "2024-05-24"}
    assert set(after.values()) == {"backfill"}
    assert len(after) == 3
    assert done <= sessions_done(served)  # what was there already was not written anew


def sessions_done(served: Served) -> set[tuple[str, str]]:
    query = "SELECT as_of, issued_at FROM forecast_runs WHERE source = 'yahoo' AND as_of < '2024-05-25'"
    return set(map(tuple, rows(query, served.url)))
