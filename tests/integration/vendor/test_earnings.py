"""Earnings dates from Yahoo in runs: kept as they were known, read when due, never in the way of prices."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yfinance
from flow_runs import complete
from reading_store import rows
from typer.testing import CliRunner
from vendor_simulator import make_history, make_listing
from yahoo_imitation import HTML, NEW_YORK, TOO_MANY, Yahoo

from flows.cli import app
from flows.context import open_context
from flows.ingest import ingest

pytestmark = pytest.mark.usefixtures("prefect_url")

LAST = date(2024, 7, 19)  # Friday
FIRST_RUN = datetime(2024, 7, 19, 22, tzinfo=UTC)
KNOWN = "SELECT report_date, report_time, origin, counts FROM earnings_dates WHERE withdrawn_at IS NULL"
ASKED = ("/calendar/earnings", "/quoteSummary/")


def at(day: date, hour: int = 16) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=NEW_YORK)


PAST = [date(2023, 8, 3), date(2023, 11, 2), date(2024, 2, 1), date(2024, 5, 2)]
NEXT = date(2024, 8, 1)


@pytest.fixture(autouse=True)
def listing(yahoo: Yahoo) -> None:
    yahoo.listings["AAPL"] = make_listing("XNYS", make_history("AAPL", LAST, seed=1))
    yahoo.pages["AAPL"] = [at(day) for day in (*PAST, NEXT)]


def run(now: datetime = FIRST_RUN, *tickers: str) -> Any:
    """Ingest at a given time; the session of every run is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "flows.prefect_runtime.flow_support.open_context",
            lambda _due, as_of, **settings: open_context(now, as_of, now=now, **settings),
        )
        return complete(ingest, tickers=[*(tickers or ("AAPL",))], as_of=LAST)


def asked(yahoo: Yahoo) -> int:
    return sum(any(part in path for part in ASKED) for path in yahoo.requests)


def test_dates_are_stored_with_their_times_and_shown_with_where_they_are_from(yahoo: Yahoo) -> None:
    run()
    assert rows(f"{KNOWN} ORDER BY report_date")[-2:] == [
        ("2024-05-02", "after_close", "page", 1),
        ("2024-08-01", "after_close", "page", 1),
    ]
    done = CliRunner().invoke(app, ["prices", "status", "--json"])
    assert '"report": "2024-08-01, after the close, announced"' in done.stdout
    assert '"report_origin": "Yahoo\'s page"' in done.stdout


def test_they_are_read_weekly_and_every_day_around_a_report(yahoo: Yahoo) -> None:
    counts = []
    for days in (0, 6, 7, 10):  # 10 days later, the report is three days ahead
        run(FIRST_RUN + timedelta(days=days))
        counts.append(asked(yahoo))
    assert counts == [2, 2, 4, 6]


def test_a_date_that_moves_or_is_withdrawn_stays_on_record(yahoo: Yahoo) -> None:
    run()
    moved = NEXT + timedelta(days=5)
    yahoo.pages["AAPL"] = [at(day) for day in (*PAST, moved)]
    run(FIRST_RUN + timedelta(days=7))
    yahoo.pages["AAPL"] = [at(day) for day in PAST]
    run(FIRST_RUN + timedelta(days=14))
    after = (
        "SELECT report_date, substr(withdrawn_at, 1, 10) FROM earnings_dates WHERE report_date > '2024-06-01'"
    )
    assert rows(f"{after} ORDER BY report_date") == [
        ("2024-08-01", "2024-07-26"),
        ("2024-08-06", "2024-08-02"),
    ]


def test_of_two_days_for_one_report_the_page_counts_and_the_other_is_kept(yahoo: Yahoo) -> None:
    yahoo.events["AAPL"] = [at(NEXT + timedelta(days=1), 9)]
    run()
    assert rows(f"{KNOWN} AND report_date > '2024-06-01' ORDER BY report_date") == [
        ("2024-08-01", "after_close", "page", 1),
        ("2024-08-02", "before_open", "events", 0),
    ]


def test_the_events_serve_where_the_page_fails(yahoo: Yahoo) -> None:
    yahoo.faults["page:AAPL"] = HTML
    yahoo.events["AAPL"] = [at(NEXT)]
    run()
    assert rows(KNOWN) == [("2024-08-01", "after_close", "events", 1)]
    assert rows("SELECT reason, read_at IS NOT NULL FROM earnings_checks") == [("vendor_error", 1)]


def test_a_fault_has_its_reason_once_and_stops_nothing(
    yahoo: Yahoo, caplog: pytest.LogCaptureFixture
) -> None:
    yahoo.listings["MSFT"] = make_listing("XNYS", make_history("MSFT", LAST, seed=2))
    for ticker in ("AAPL", "MSFT"):
        yahoo.faults[f"page:{ticker}"] = yahoo.faults[f"events:{ticker}"] = TOO_MANY
    for days in (0, 1):
        summary = run(FIRST_RUN + timedelta(days=days), "AAPL", "MSFT")
        assert (summary.tickers, summary.quarantined) == (("AAPL", "MSFT"), {})
    told = [
        record for record in caplog.records if "earnings dates: rate_limited for AAPL" in record.getMessage()
    ]
    assert len(told) == 1
    assert rows("SELECT ticker, reason, read_at FROM earnings_checks ORDER BY ticker") == [
        ("AAPL", "rate_limited", None),
        ("MSFT", "rate_limited", None),
    ]
    assert "not read on 2024-07-20" in CliRunner().invoke(app, ["prices", "status", "--json"]).stdout
    yahoo.faults.clear()
    run(FIRST_RUN + timedelta(days=2), "AAPL", "MSFT")
    assert rows("SELECT count(*) FROM earnings_dates") == [(5,)]


def test_what_reports_nothing_is_not_asked(yahoo: Yahoo) -> None:
    yahoo.listings["AAPL"].kind = "ETF"
    run()
    assert asked(yahoo) == 0


def test_switched_off_they_are_withdrawn_and_read_again_once_switched_on(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setenv("BANDCAST_EARNINGS", "off")
    run(FIRST_RUN + timedelta(days=1))
    assert (rows(KNOWN), asked(yahoo)) == ([], 2)
    monkeypatch.delenv("BANDCAST_EARNINGS")
    run(FIRST_RUN + timedelta(days=2))
    assert len(rows(KNOWN)) == len(PAST) + 1


def test_the_client_requests_what_the_imitation_answers() -> None:
    """With another version of yfinance, look at what it asks for before anything else."""
    assert yfinance.__version__.startswith("1.7.")
