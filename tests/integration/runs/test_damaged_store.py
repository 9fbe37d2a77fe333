"""Runs and the doctor on a damaged SQLite file: one sentence, before anything is written."""

from pathlib import Path

import pytest
from flow_runs import complete, fail

from flows.doctor import examine
from flows.ingest import ingest
from flows.settings import load_settings
from forecasting.errors import DatabaseFaultError

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")


@pytest.fixture
def database(workplace: Path) -> Path:
    """SQLite file of a store with prices."""
    complete(ingest, tickers=["AAPL"])
    return workplace / "home" / "bandcast.db"


def find_verdict(check: str) -> tuple[str, str]:
    findings = {finding.check: finding for finding in examine(load_settings())}
    return findings[check].verdict, findings[check].found


def test_a_spoilt_page_ends_the_first_run_of_the_day(database: Path) -> None:
    assert find_verdict("file") == ("ok", "every page is whole")
    with database.open("r+b") as file:
        file.seek(database.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xa5" * 4096)
    Path(f"{database}-checked").write_text("2024-01-02\n")
    error = fail(ingest, tickers=["AAPL"])
    assert isinstance(error, DatabaseFaultError)
    assert "found a damaged file, '" in str(error)
    verdict, found = find_verdict("file")
    assert verdict == "fail"
    assert found == str(error)


def test_commits_that_are_lost_are_in_the_log_and_found_by_the_doctor(
    database: Path, run_log: list[str]
) -> None:
    older = database.read_bytes()
    complete(ingest, tickers=["IBM"])
    database.write_bytes(older)  # as if the WAL had been lost: the file is of an earlier commit
    assert find_verdict("file") == ("fail", "the last 1 commit is lost")
    complete(ingest, tickers=["IBM"])
    assert any(line.startswith("store: the last 1 commit is lost; a backup") for line in run_log)
    assert find_verdict("file") == ("ok", "every page is whole")
