"""Earnings dates in a run: read from the source, kept with when they were known, replayed, switched off."""

import json
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from flow_runs import complete
from price_files import write_prices
from reading_store import connection, rows

from db import Store
from flows.daily import daily
from flows.forecast import forecast
from flows.ingest import ingest
from flows.sources import SampleSource
from flows.steps.replay import replay_run

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAY = date(2012, 7, 13)  # Friday; Microsoft reported on the Thursday after
TICKERS = ["IBM", "MSFT"]


def read_features() -> list[str]:
    (config,) = rows("SELECT config FROM model_versions WHERE status = 'champion'")[0]
    return list(json.loads(config)["features"])


def test_a_run_knows_the_dates_of_its_source_and_a_replay_what_the_run_knew(store: Store) -> None:
    made = complete(daily, tickers=TICKERS, as_of=DAY, horizon=4)
    assert "report_growth" in read_features()
    kept = "SELECT ticker, count(*) FROM earnings_dates WHERE withdrawn_at IS NULL GROUP BY ticker"
    assert rows(kept) == [("MSFT", 38)]
    assert replay_run(store, str(made.run_id)).same == ("IBM", "MSFT")
    with connection() as opened:
        opened.execute(sa.text("DELETE FROM earnings_dates WHERE report_date = '2012-07-19'"))
    assert replay_run(store, str(made.run_id)).different == {"MSFT": "other values than stored"}


def test_without_dates_a_run_reads_the_quarters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_EARNINGS", "off")
    complete(daily, tickers=TICKERS, as_of=DAY, horizon=4)
    assert "quarter_1" in read_features()
    assert "report_growth" not in read_features()
    assert rows("SELECT count(*) FROM earnings_dates") == [(0,)]


def test_dates_of_a_folder_are_read_and_stay_where_its_file_is_spoilt(tmp_path: Path) -> None:
    for ticker in TICKERS:
        write_prices(tmp_path / "prices", SampleSource().fetch(ticker, None, DAY))
    lines = [
        "ticker,date,when,known_since",
        "IBM,2012-04-17,after_close,",
        "IBM,2012-07-18,after_close,2012-07-02",
    ]
    file = tmp_path / "prices" / "earnings.csv"
    file.write_text("\n".join(lines))
    folder = {"source": "csv", "csv_dir": str(tmp_path / "prices")}
    made = complete(daily, tickers=TICKERS, as_of=DAY, horizon=4, **folder)
    stored = "SELECT ticker, report_time, known_since FROM earnings_dates ORDER BY report_date"
    dates = [("IBM", "after_close", None), ("IBM", "after_close", "2012-07-02")]
    assert (rows(stored), made.notes) == (dates, ())

    file.write_text("ticker,day\n")
    for flow in (ingest, forecast):
        (note,) = complete(flow, tickers=TICKERS, as_of=DAY, **folder).notes
        assert "no column date" in note
    assert rows(stored) == dates
