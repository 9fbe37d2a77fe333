"""The first failures of a newcomer: their reason is in state, table and artifact, before any training."""

from pathlib import Path

import pytest
from flow_runs import run_state
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from reading_store import rows

from flows.daily import daily
from flows.ingest import ingest

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")


def fail_daily(**parameters: object) -> tuple[str, str]:
    """Run the daily job, which must fail without a training; message of its state, and its artifacts."""
    state = run_state(daily, **parameters)
    assert state.is_failed()
    assert state.state_details.flow_run_id is not None
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        artifacts = client.read_artifacts(artifact_filter=of_run)
    assert {artifact.key for artifact in artifacts} <= {"quarantined"}
    return str(state.message), "".join(str(artifact.data) for artifact in artifacts)


@pytest.mark.parametrize(
    ("source", "ticker", "reason"),
    [
        ("yahoo", "AAPL", "vendor_error"),
        ("sample", "APPL", "unknown_ticker"),
        ("csv", "AAPL", "unknown_ticker"),
    ],
    ids=["no network", "mistyped ticker", "wrong folder"],
)
def test_the_reason_is_in_the_state_the_table_and_the_artifact(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, source: str, ticker: str, reason: str
) -> None:
    monkeypatch.setenv("BANDCAST_YAHOO_URL", "http://127.0.0.1:1")
    (workplace / "prices").mkdir()
    (workplace / "prices" / "IBM.csv").write_text("date,close\n2013-03-01,1.0\n")
    message, artifact = fail_daily(source=source, csv_dir=str(workplace / "prices"), tickers=[ticker])
    assert message.startswith(f"Expected prices of at least 1 of 1 ticker, found 0: {ticker}: ")
    ((stored, detail),) = rows("SELECT reason, detail FROM quarantines")
    assert stored == reason
    assert detail.rstrip(".") in message
    assert reason in artifact
    assert rows("SELECT count(*) FROM model_versions") == [(0,)]


def test_a_run_is_tagged_with_its_source_session_and_kind() -> None:
    state = run_state(ingest, tickers=["IBM"])
    assert state.state_details.flow_run_id is not None
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.tags == ["as_of=2013-03-01", "kind=backfill", "source=sample"]


def test_a_folder_that_is_not_there_is_named(workplace: Path) -> None:
    message, _ = fail_daily(source="csv", csv_dir=str(workplace / "nowhere"), tickers=["AAPL"])
    assert str(workplace / "nowhere") in message
