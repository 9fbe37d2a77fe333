"""The doctor: each fault has a line with the advice."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from issued_forecasts import make_forecast
from price_files import write_prices
from records import make_run
from typer.testing import CliRunner
from workplace import open_configured_store

from db import ModelRecord, Store, upgrade_store
from flows.cli import app
from flows.context import resolve_scope
from flows.doctor import examine
from flows.doctor.finding import Finding
from flows.doctor.machine import CLASHES, find_clashes
from flows.prefect_runtime.runnable import require_runnable
from flows.settings import load_settings
from flows.sources import SampleSource
from forecasting.calendars.lookup import CalendarChange
from forecasting.errors import SourceError, UsageError

NOW = datetime(2013, 3, 4, 12, tzinfo=UTC)  # before Monday's close


def examine_all(now: datetime = NOW) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(load_settings(), now)}


@pytest.fixture(autouse=True)
def one_ticker(no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ticker, and no server."""
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL")


@pytest.mark.parametrize(
    ("installed", "clashes"),
    [
        ({"prefect": "3.8.8", "sqlalchemy": "2.1.9"}, True),
        ({"prefect": "3.9.1", "sqlalchemy": "2.1.9"}, False),
        ({"prefect": "3.8.8", "sqlalchemy": "2.0.58"}, False),
        ({"prefect": "3.8.8", "fastapi": "0.155.0"}, True),
        ({"prefect": "3.8.8", "fastapi": "0.150.0"}, False),
        ({"prefect": "3.8.5"}, True),
        ({"pytorch-lightning": "2.6.2"}, True),
        ({"pytorch-lightning": "2.6.3"}, True),
        ({"pytorch-lightning": "2.6.6"}, False),
        ({"pandas": "3.0.4"}, True),
        ({}, False),
    ],
    ids=str,
)
def test_versions_that_break_each_other_are_known(installed: dict[str, str], clashes: bool) -> None:
    assert bool(find_clashes(installed)) is clashes


def test_every_clash_has_what_breaks_and_an_advice() -> None:
    assert all(clash.breaks and clash.advice for clash in CLASHES)


def test_an_empty_home_is_no_failure_and_the_doctor_does_not_even_make_it(workplace: Path) -> None:
    found = examine_all()
    assert found["database"].verdict == "warn"
    assert found["freshness"].verdict == "warn"
    assert found["calendars"].verdict == "ok"
    assert found["Prefect server"].verdict == "warn"
    assert not [finding for finding in found.values() if finding.verdict == "fail"]
    assert not (workplace / "home").exists()


def test_a_schema_of_another_release_has_the_command_that_mends_it(workplace: Path) -> None:
    home = workplace / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "bandcast.db")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    assert examine_all()["database"].advice == "run `bandcast db upgrade`"


def test_a_schema_of_a_newer_release_is_one_failure_with_the_advice_to_install_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect("home/bandcast.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    found = examine_all()
    assert (found["database"].verdict, found["database"].advice) == (
        "fail",
        "install the newer release that made it",
    )
    assert "freshness" not in found
    with pytest.raises(
        UsageError, match="found one at migration 0999; install the newer release that made it"
    ):
        require_runnable()


def test_a_schema_that_somebody_has_changed_is_a_failure(workplace: Path) -> None:
    url = f"sqlite:///{workplace}/home/bandcast.db"
    upgrade_store(url)
    with closing(sqlite3.connect(workplace / "home" / "bandcast.db")) as connection, connection:
        connection.execute("DROP VIEW latest_forecast")
    found = examine_all()["database"]
    assert found.verdict == "fail"
    assert "view latest_forecast is missing" in found.found


def test_a_symbol_of_no_exchange_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,BRK.B")
    finding = examine_all()["calendars"]
    assert finding.verdict == "fail"
    assert "BRK-B" in finding.found


def test_a_line_has_no_full_stop_before_its_advice_or_its_end() -> None:
    assert (
        Finding("file", "fail", "Expected one, found none.").line() == "fail  file: Expected one, found none"
    )
    assert Finding("file", "fail", "It ends.", "mend it").line() == "fail  file: It ends; mend it"


def test_a_calendar_that_ends_soon_is_a_failure_with_the_package_to_upgrade() -> None:
    finding = examine_all(datetime(2199, 12, 20, tzinfo=UTC))["calendars"]
    assert finding.verdict == "fail"
    assert "exchange_calendars" in finding.advice


@pytest.mark.parametrize(
    ("name", "day", "found"),
    [
        ("CLOSURES", "2013-03-10", "XNYS does not trade on 2013-03-10 by its calendar, so BANDCAST_CLOSURES"),
        ("CLOSURES", "0013-03-11", "XNYS does not trade on 0013-03-11 by its calendar, so BANDCAST_CLOSURES"),
        ("OPENINGS", "2013-03-11", "XNYS trades on 2013-03-11 by its calendar, so BANDCAST_OPENINGS"),
        ("CLOSURES", "2013-03-11", ""),
        ("OPENINGS", "2013-03-10", ""),
    ],
)
def test_a_closure_or_an_opening_that_changes_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, day: str, found: str
) -> None:
    monkeypatch.setenv(f"BANDCAST_{name}", f"XNYS:{day}")
    finding = examine_all()["calendars"]
    assert finding.verdict == ("warn" if found else "ok")
    assert finding.found == (
        f"{found} changes nothing" if found else "XNYS reach 30 sessions past 2013-03-04"
    )


def test_prices_and_bands_of_the_last_closed_session_are_wanted(store: Store) -> None:
    history = SampleSource().fetch("AAPL", None, NOW.date())
    with store.writing() as tx:
        tx.prices.save(history.until(date(2013, 2, 28)), NOW)
    found = examine_all()
    assert found["prices"].verdict == "warn"
    assert found["prices"].found == "older than 2013-03-01, or none: AAPL"
    with store.writing() as tx:
        tx.prices.save(history, NOW)
    found = examine_all()
    assert (found["prices"].verdict, found["prices"].found) == ("ok", "of 1 ticker, up to 2013-03-01")
    assert (found["bands"].verdict, found["bands"].found) == ("fail", "none of 2013-03-01, of any ticker")


def test_prices_up_to_a_day_that_counts_as_closed_later_are_older_than_the_next_session(store: Store) -> None:
    last = date(2013, 2, 28)
    with store.writing() as tx:
        tx.prices.save(SampleSource().fetch("AAPL", None, last), NOW)
        tx.calendars.replace([CalendarChange("XNYS", last, "closure")], "setting", NOW)
    finding = examine_all()["prices"]
    assert (finding.verdict, finding.found) == ("warn", "older than 2013-03-01, or none: AAPL")


@pytest.mark.parametrize(("hour", "verdict"), [(23, "ok"), (2, "fail")])
def test_bands_are_wanted_only_from_the_time_on_at_which_they_are_due(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, hour: int, verdict: str
) -> None:
    """The close of 2013-02-28 is at 21:00 UTC, the lag 30 minutes."""
    for name, value in {"SOURCE": "yahoo", "PUBLISH_MINUTES": "240"}.items():
        monkeypatch.setenv(f"BANDCAST_{name}", value)
    with open_configured_store() as store, store.writing() as tx:
        tx.models.add(ModelRecord("m", "yahoo", date(2013, 1, 2), b"", "{}", {}, "f", NOW))
        run = make_run("r", date(2013, 2, 27), NOW, source="yahoo")
        tx.forecasts.publish(tx.forecasts.prepare(run, [make_forecast("AAPL", date(2013, 2, 27))]))
    day = 28 if hour == 23 else 1
    found = examine_all(datetime(2013, 2 if day == 28 else 3, day, hour, tzinfo=UTC))
    assert found["bands"].verdict == verdict


@pytest.mark.parametrize("tickers", ["AAPL", ""])
@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("nowhere", "/nowhere, found No such file or directory; correct the path"),
        ("a file.csv", "/a file.csv, found Not a directory; correct the path"),
        ("empty", "/empty, found no such file in it; correct the path, or put them there"),
        ("", "found none; set BANDCAST_CSV_DIR"),
    ],
)
def test_a_folder_of_price_files_that_a_run_cannot_read_is_one_failure(
    workplace: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tickers: str, *, folder: str, found: str
) -> None:
    (workplace / "a file.csv").touch()
    (workplace / "empty").mkdir()
    for name, value in {"SOURCE": "csv", "CSV_DIR": folder, "TICKERS": tickers}.items():
        monkeypatch.setenv(f"BANDCAST_{name}", value)
    (failed,) = [finding for finding in examine(load_settings(), NOW) if finding.verdict == "fail"]
    assert failed.check == "price files"
    assert found in failed.found
    with pytest.raises(SourceError, match=re.escape(failed.found)):
        resolve_scope(NOW)


@pytest.mark.parametrize(
    ("tickers", "verdict", "found"),
    [
        ("AAPL", "ok", "of 1 ticker in "),
        ("", "ok", "of 1 ticker in "),
        ("KO,AAPL", "warn", "none of 1 of 2 tickers in "),
        ("KO", "fail", "none of 1 of 1 ticker in "),
        ("@variable:desk", "ok", "of 1 ticker in "),
    ],
)
def test_configured_tickers_without_a_price_file_are_named(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, tickers: str, verdict: str, found: str
) -> None:
    write_prices(workplace / "prices", SampleSource().fetch("AAPL", None, date(2013, 3, 1)))
    for name, value in {"SOURCE": "csv", "CSV_DIR": "prices", "TICKERS": tickers}.items():
        monkeypatch.setenv(f"BANDCAST_{name}", value)
    finding = examine_all()["price files"]
    assert finding.verdict == verdict
    assert finding.found.startswith(found)
    assert finding.found.endswith(": KO") == (verdict != "ok")


@pytest.mark.parametrize(
    ("text", "verdict", "found"),
    [
        (None, "fail", "mine.csv, which cannot be read; correct the path"),
        ("ticker\n", "fail", "found no symbol in mine.csv"),
        ("ticker\nKO\nIBM\n", "ok", "2 tickers in "),
    ],
)
def test_a_list_to_train_on_that_cannot_be_read_is_a_failure(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, verdict: str, found: str
) -> None:
    monkeypatch.setenv("BANDCAST_TRAIN_UNIVERSE", "mine.csv")
    if text is not None:
        (workplace / "mine.csv").write_text(text)
    finding = examine_all()["training universe"]
    assert finding.verdict == verdict
    assert found in finding.found


def test_a_home_that_is_a_file_is_a_failure(workplace: Path) -> None:
    (workplace / "home").touch()
    disk = examine_all()["disk"]
    assert (disk.verdict, disk.found) == ("fail", f"{workplace}/home is no folder")


def test_the_size_of_the_store_and_of_its_largest_tables_is_named(store: Store) -> None:
    with store.writing() as tx:
        tx.prices.save(SampleSource().fetch("AAPL", None, NOW.date()), NOW)
    size = examine_all()["size"]
    assert size.verdict == "ok"
    assert re.match(r"\d+\.\d MB, (\d+\.\d MB free, )?price_bars \d+\.\d MB, ", size.found)


def test_the_command_exits_with_1_where_something_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_DATABASE_URL", "postgresql://band:secret@127.0.0.1:1/none")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    (finding,) = [found for found in json.loads(result.stdout) if found["check"] == "database"]
    assert finding["verdict"] == "fail"
    assert "secret" not in result.output
