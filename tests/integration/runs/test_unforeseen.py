"""Flows that fail in a way nobody foresaw: one sentence without a secret, the traceback in the log file."""

from datetime import date
from pathlib import Path

import pytest
from flow_runs import complete, fail, run_state
from prefect import get_client

from flows.backfill import backfill
from flows.failures import LOG_FILE
from flows.ingest import ingest
from forecasting.errors import BandcastError, InternalError

pytestmark = pytest.mark.usefixtures("prefect_url")

SECRET = "s3cret"


def raise_unforeseen(*_: object) -> None:
    raise LookupError(f"first line\x1b[31m\nError: forged by {SECRET}")


@pytest.fixture(autouse=True)
def auth_string(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that the error repeats."""
    monkeypatch.setenv("PREFECT_API_KEY", SECRET)


@pytest.mark.parametrize(
    "broken",
    ["flows.ingest.ingest_universe", "flows.steps.ingest.try_ticker"],
    ids=["in the flow", "in a task"],
)
def test_the_state_has_one_sentence_and_the_log_no_traceback(
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_log: list[str],
    capfd: pytest.CaptureFixture[str],
    broken: str,
) -> None:
    monkeypatch.setattr(broken, raise_unforeseen)
    log = workplace / "home" / LOG_FILE
    state = run_state(ingest, tickers=["IBM"])
    assert state.is_failed()
    assert state.message == (
        f"Expected no error, found LookupError: first line Error: forged by ***; its traceback is in {log}."
    )
    assert log.stat().st_mode & 0o777 == 0o600
    traceback = log.read_text()
    assert "raise_unforeseen" in traceback
    written = "\n".join([*run_log, *capfd.readouterr()])
    assert "forged" in written
    assert "Traceback" not in written
    assert not any(line.startswith("Error: forged") for line in written.splitlines())
    with get_client(sync_client=True) as client:
        tasks = [run.state.model_dump_json() for run in client.read_task_runs() if run.state]
    assert not any(SECRET in text for text in (traceback, written, str(state.message), *tasks))


def test_the_run_of_a_filled_session_has_the_sentence_and_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flows.steps.sessions.find_active", raise_unforeseen)
    day = date(2013, 2, 28)
    state = run_state(backfill, start=day, end=day, tickers=["IBM"])
    with get_client(sync_client=True) as client:
        fills = [run for run in client.read_flow_runs() if run.name == f"fill-{day}"]
    fill = max(fills, key=lambda run: str(run.created)).state
    assert fill is not None
    for end in (state, fill):
        assert end.is_failed()
        assert str(end.message).startswith(
            "Expected no error, found LookupError: first line Error: forged by ***"
        )


def test_the_error_of_a_run_leads_to_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.ingest.ingest_universe", raise_unforeseen)
    error = fail(ingest, tickers=["IBM"])
    assert isinstance(error, InternalError)
    assert isinstance(error, BandcastError)
    assert isinstance(error.__cause__, LookupError)


def test_a_run_whose_name_cannot_be_found_fails_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.context.open_source", raise_unforeseen)
    assert isinstance(fail(ingest, tickers=["IBM"]), InternalError)


def test_a_flow_keeps_its_files_private_whoever_started_it(workplace: Path) -> None:
    before, after = workplace / "before", workplace / "after"
    before.touch()
    complete(ingest, tickers=["IBM"])
    after.touch()
    assert (workplace / "home" / "bandcast.db").stat().st_mode & 0o777 == 0o600
    assert before.stat().st_mode == after.stat().st_mode  # the umask is the user's again
