"""The context of a run: resolved once, the same for every step, closed at the end."""

from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from price_files import write_prices

from db import open_store
from flows.context import RunContext, load_calendars, open_context, resolve_scope
from flows.sources import SampleSource
from forecasting.calendars.reports import EarningsDates, Report
from forecasting.errors import CalendarError, UnknownExchangeError, UsageError

DUE = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)  # a Friday evening, in New York half past six
FRIDAY, THURSDAY = date(2024, 6, 7), date(2024, 6, 6)
NOW = DUE + timedelta(hours=9)

pytestmark = pytest.mark.usefixtures("migrated")


def open_once(due: datetime = DUE, as_of: date | None = None, **overrides: Any) -> RunContext:
    """The context as it was while it was open."""
    with open_context(due, as_of, now=NOW, **overrides) as context:
        return context


def open_live(due: datetime = DUE, as_of: date | None = None, tickers: str = "AAPL") -> RunContext:
    return open_once(due, as_of, source="yahoo", tickers=tickers)


def test_the_clock_and_the_due_time_are_those_of_the_caller() -> None:
    context = open_live()
    assert (context.now, context.due, context.kind) == (NOW, DUE, "live")


def test_without_a_clock_it_is_read_once() -> None:
    before = datetime.now(UTC)
    with open_context(DUE) as context:
        assert before <= context.now <= datetime.now(UTC)
        assert context.now.tzinfo is UTC


def test_a_live_run_is_of_the_last_session_closed_when_it_was_due() -> None:
    assert open_live().as_of == FRIDAY
    assert open_live(datetime(2024, 6, 7, 20, 29, tzinfo=UTC)).as_of == THURSDAY  # the lag is half an hour
    assert open_live(datetime(2024, 6, 7, 20, 30, tzinfo=UTC)).as_of == FRIDAY


def test_a_run_of_files_is_of_their_newest_session_whenever_it_is_due() -> None:
    assert open_once(tickers="AAPL").as_of == date(2013, 3, 1)
    assert open_once(datetime(2012, 1, 1, tzinfo=UTC), tickers="AAPL").as_of == date(2013, 3, 1)


def test_each_ticker_has_the_last_session_of_its_own_exchange() -> None:
    saturday = datetime(2024, 6, 8, 12, tzinfo=UTC)
    context = open_live(saturday, tickers="AAPL,7203.T,BTC-USD,EURUSD=X")
    assert {ticker: context.find_session(ticker) for ticker in context.tickers} == {
        "AAPL": FRIDAY,
        "7203.T": FRIDAY,
        "BTC-USD": FRIDAY,  # its Saturday ends at midnight
        "EURUSD=X": FRIDAY,
    }
    assert open_live(saturday, THURSDAY).find_session("AAPL") == THURSDAY


def test_no_session_of_a_live_source_counts_before_it_has_closed() -> None:
    noon = datetime(2024, 6, 7, 12, tzinfo=UTC)
    context = open_live(noon, tickers="AAPL,7203.T")
    assert context.as_of == FRIDAY  # Tokyo's
    assert context.find_session("7203.T") == FRIDAY
    assert context.find_session("AAPL") == THURSDAY


def test_a_file_decides_on_its_sessions_alone() -> None:
    early = open_once(datetime(2013, 3, 1, 12, tzinfo=UTC), date(2013, 3, 1), tickers="AAPL")
    assert early.find_session("AAPL") == date(2013, 3, 1)


def test_files_of_an_exchange_that_has_not_closed_yet_end_a_session_earlier(tmp_path: Path) -> None:
    for ticker, last in (("7203.T", FRIDAY), ("AAPL", THURSDAY)):
        (tmp_path / f"{ticker}.csv").write_text(f"date,close\n2024-06-05,9\n{last},10\n")
    evening = datetime(2024, 6, 7, 8, tzinfo=UTC)  # Tokyo's
    context = open_once(evening, source="csv", csv_dir=tmp_path)
    assert context.as_of == FRIDAY
    sessions = {ticker: context.find_session(ticker) for ticker in context.tickers}
    assert sessions == {"7203.T": FRIDAY, "AAPL": THURSDAY}
    later = open_once(DUE, source="csv", csv_dir=tmp_path)
    assert later.find_session("AAPL") == FRIDAY  # its file is stale by then


def test_a_ticker_without_known_sessions_is_an_error_of_its_own() -> None:
    context = open_once(as_of=date(2013, 3, 1))
    with pytest.raises(UnknownExchangeError):
        context.find_session("BRK.B")
    with pytest.raises(CalendarError):
        context.at(date(2027, 2, 1)).find_session("RELIANCE.BO")


def test_a_missed_session_is_a_backfill_of_the_same_run() -> None:
    context = open_live(tickers="AAPL,MSFT")
    missed = context.at(THURSDAY)
    assert (missed.as_of, missed.kind, missed.tickers) == (THURSDAY, "backfill", ("AAPL", "MSFT"))
    assert (missed.store, missed.now, missed.due) == (context.store, NOW, DUE)
    assert context.at(THURSDAY, ("MSFT",)).tickers == ("MSFT",)


@pytest.mark.parametrize(
    ("due", "tickers", "as_of", "kind"),
    [
        (DUE, "AAPL", FRIDAY, "live"),
        (DUE, "AAPL", THURSDAY, "backfill"),  # whether a form, a command or a backfill asks for it
        (datetime(2024, 6, 7, 20, 29, tzinfo=UTC), "AAPL", THURSDAY, "live"),
        (datetime(2024, 6, 9, 22, 30, tzinfo=UTC), "AAPL", FRIDAY, "live"),  # a Sunday
        (datetime(2024, 6, 7, 12, tzinfo=UTC), "AAPL,7203.T", FRIDAY, "live"),  # Tokyo's
        (datetime(2024, 6, 7, 12, tzinfo=UTC), "AAPL,7203.T", THURSDAY, "backfill"),
    ],
)
def test_the_kind_follows_from_the_due_time(due: datetime, tickers: str, as_of: date, kind: str) -> None:
    assert open_live(due, as_of, tickers).kind == kind


def test_files_that_end_before_the_last_closed_session_are_a_backfill() -> None:
    assert open_once(tickers="AAPL").kind == "backfill"
    assert open_once(datetime(2013, 3, 3, tzinfo=UTC), tickers="AAPL").kind == "live"


def test_the_newest_session_is_live_in_a_backfill_too() -> None:
    context = open_live(tickers="AAPL,MSFT")
    assert context.at(FRIDAY, ("MSFT",)).kind == "live"


def test_history_starts_a_setting_before_a_live_session_and_with_the_file_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "400")
    assert open_live().history_start == FRIDAY - timedelta(days=400)
    assert open_live().at(THURSDAY).history_start == THURSDAY - timedelta(days=400)
    assert open_once(tickers="AAPL").history_start is None


def test_the_lag_is_a_setting_of_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_live().lag == open_once().lag == timedelta(minutes=30)
    monkeypatch.setenv("BANDCAST_PROVIDER_LAG_MINUTES", "180")
    assert open_live().as_of == THURSDAY
    assert open_live().find_session("AAPL") == THURSDAY


def test_the_training_universe_is_the_forecast_one_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_once(tickers="AAPL").train_tickers == ("AAPL",)
    monkeypatch.setenv("BANDCAST_TRAIN_TICKERS", "IBM,MSFT")
    assert open_once(tickers="AAPL").train_tickers == ("IBM", "MSFT")


def test_without_tickers_a_source_that_can_be_listed_gives_all() -> None:
    assert open_once().tickers == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    with pytest.raises(UsageError, match="Expected tickers to forecast, found none; run `bandcast init`"):
        open_once(source="yahoo")


@pytest.mark.parametrize(
    ("configured", "overrides", "listed"),
    [
        ("AAPL,MSFT", {}, ()),
        ("AAPL,MSFT", {"tickers": "AAPL"}, ("AAPL", "MSFT")),
        ("", {"tickers": "AAPL"}, ("AAPL", "FB", "GOOG", "IBM", "MSFT")),
        ("", {"source": "yahoo", "tickers": "AAPL"}, ()),
        ("@variable:nowhere", {"tickers": "AAPL"}, ()),
    ],
)
def test_tickers_of_a_caller_leave_the_configured_ones_in_the_universe(
    monkeypatch: pytest.MonkeyPatch, configured: str, overrides: dict[str, Any], listed: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", configured)
    assert open_once(**overrides).listed == listed


@pytest.mark.parametrize(
    ("source", "as_of", "newest"),
    [("sample", "2013-03-02", "2013-03-01"), ("yahoo", "2024-06-08", "2024-06-07")],
)
def test_a_session_beyond_the_newest_is_bad_usage(source: str, as_of: str, newest: str) -> None:
    with pytest.raises(UsageError, match=f"Expected as_of at {newest} .* found {as_of}"):
        resolve_scope(DUE, date.fromisoformat(as_of), source=source, tickers="AAPL")


def test_a_day_without_a_session_stands_for_the_session_before_it() -> None:
    holiday, sunday = date(2013, 2, 18), date(2013, 2, 24)
    assert resolve_scope(DUE, holiday).as_of == date(2013, 2, 15)
    assert resolve_scope(DUE, sunday).as_of == date(2013, 2, 22)
    assert resolve_scope(DUE, sunday, source="yahoo", tickers="AAPL,BTC-USD").as_of == sunday


def test_files_that_end_on_a_closure_are_forecast_from_the_session_before_it(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_prices(workplace / "prices", SampleSource().fetch("IBM", None, date(2013, 3, 1)))
    monkeypatch.setenv("BANDCAST_CLOSURES", "XNYS:2013-03-01")
    assert resolve_scope(DUE, source="csv", csv_dir=workplace / "prices").as_of == date(2013, 2, 28)


def test_a_scope_is_resolved_without_a_store(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_HOME", str(workplace / "elsewhere"))
    assert resolve_scope(DUE).as_of == date(2013, 3, 1)
    assert not (workplace / "elsewhere").exists()


def test_a_folder_of_price_files_without_its_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be left unread, and the prices of that source be taken for its own."""
    monkeypatch.setenv("BANDCAST_SOURCE", "sample")
    with pytest.raises(UsageError, match=r"source csv .* found sample; add --source csv"):
        resolve_scope(DUE, csv_dir="prices")
    assert resolve_scope(DUE, source="sample", csv_dir="prices").settings.source == "sample"
    monkeypatch.setenv("BANDCAST_CSV_DIR", "prices")
    assert resolve_scope(DUE, source="sample").source.name == "sample"


def list_store_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("fails", [False, True])
def test_the_store_is_closed_at_the_end_even_of_a_failure(workplace: Path, fails: bool) -> None:
    """An open SQLite store in WAL mode has two more files beside it."""
    home = workplace / "home"
    with ExitStack() as stack:
        if fails:
            stack.enter_context(pytest.raises(UsageError, match="enough"))
        context = stack.enter_context(open_context(DUE, now=NOW))
        with context.store.writing() as tx:
            tx.models.add_baseline(NOW)
        assert "bandcast.db-wal" in list_store_files(home)
        if fails:
            raise UsageError("enough")
    assert list_store_files(home) == ["bandcast.db", "bandcast.db-checked", "bandcast.db-commits"]


def test_rows_of_a_run_are_bound_to_its_source(workplace: Path) -> None:
    with open_context(DUE, now=NOW, source="yahoo", tickers="AAPL") as context:
        assert context.store.source == context.source.name == "yahoo"
    with open_store(f"sqlite:///{workplace}/home/bandcast.db", "sample") as store:
        assert store.source == "sample"


def test_calendars_of_symbols_closures_and_openings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_CALENDARS", "^xyz:XBOM, ABC.QQ:xpar")
    monkeypatch.setenv("BANDCAST_CLOSURES", "XNYS:2024-06-07,XTKS:2024-06-06")
    monkeypatch.setenv("BANDCAST_OPENINGS", "XBOM:2024-06-08")
    context = open_live(tickers="AAPL,^XYZ")
    assert context.as_of == FRIDAY  # Mumbai's
    assert context.find_session("AAPL") == THURSDAY
    assert context.calendars.of("ABC.QQ").name == "XPAR"
    assert context.calendars.of("^XYZ").openings == {date(2024, 6, 8)}
    assert open_live().as_of == THURSDAY


def test_closures_that_are_set_no_longer_are_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_CLOSURES", "XNYS:2024-06-07")
    open_live()
    monkeypatch.delenv("BANDCAST_CLOSURES")
    with open_context(DUE, now=NOW + timedelta(hours=1), source="yahoo", tickers="AAPL") as context:
        assert context.find_session("AAPL") == FRIDAY
        assert load_calendars(context.store, {}, NOW).of("AAPL").closures == {FRIDAY}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BANDCAST_CALENDARS", "^XYZ:XNOWHERE"),
        ("BANDCAST_CALENDARS", "XBOM"),
        ("BANDCAST_CLOSURES", "XNSY:2024-06-07"),
        ("BANDCAST_CLOSURES", "XNYS:June 7"),
        ("BANDCAST_OPENINGS", "2024-06-07"),
    ],
)
def test_a_calendar_or_day_that_does_not_exist_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"Expected a valid {name}") as caught:
        open_live()
    assert "\n" not in str(caught.value)


def test_earnings_dates_that_cannot_be_read_leave_the_stored_ones(tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv").write_text("date,close\n2024-06-06,10\n2024-06-07,11\n")
    dates = tmp_path / "earnings.csv"
    dates.write_text("ticker,date\nAAPL,2024-05-02\n")
    known = EarningsDates((Report(date(2024, 5, 2)),))
    context = open_once(source="csv", csv_dir=tmp_path)
    assert (dict(context.earnings), context.unread_earnings) == ({"AAPL": known}, ())

    dates.write_text("ticker,day\nAAPL,2024-05-02\n")
    context = open_once(source="csv", csv_dir=tmp_path)
    assert dict(context.earnings) == {"AAPL": known}
    assert context.unread_earnings == (
        "earnings.csv: expected columns ticker and date, each once, found no column date; correct the file "
        "and run again. What is stored serves.",
    )

    dates.write_text("ticker,date\nAAPL,2024-08-01\nAAPL,soon\nAAPL,2024-05-02\n")
    context = open_once(source="csv", csv_dir=tmp_path)
    assert context.earnings["AAPL"].reports == (Report(date(2024, 5, 2)), Report(date(2024, 8, 1)))
    assert context.unread_earnings == (
        "earnings.csv: a row left out: line 3, 'soon' in column date; correct the file.",
    )
