"""A run that fails on a real server: one sentence in its state, and a log that ends with it."""

import contextlib
import re
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from served import BACKFILL, Served, eventually

from db import upgrade_store

SENTENCE = "Expected start at or before end, found 2024-05-24 after 2024-05-20."


def has_process(run: FlowRun) -> bool:
    """Whether a process works on the run: Prefect names the run in its environment."""
    marker = f"PREFECT__FLOW_RUN_ID={run.id}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended, or of another user
            if marker in path.read_bytes():
                return True
    return False


def read_log(served: Served, run: FlowRun) -> list[str] | None:
    """Lines of the worker's log from the beginning of the run on; None while its process lives."""
    if has_process(run):
        return None
    lines = served.log.splitlines()
    return lines[next(index for index, line in enumerate(lines) if "Beginning flow run" in line) :]


@pytest.mark.long
def test_the_doctor_fails_where_a_session_has_no_bands(served: Served) -> None:
    upgrade_store(served.url)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("doctor/evening")
        started = client.create_flow_run_from_deployment(deployment.id, name="After the outage")
    run = served.finished(started)
    assert run.name == "After the outage"
    assert run.state is not None
    assert run.state.is_failed()
    assert "fail bands: none of 2013-03-01, of any ticker; run `bandcast run`" in str(run.state.message)
    with get_client(sync_client=True) as client:
        key = ArtifactFilter(key=ArtifactFilterKey(any_=["doctor"]))
        artifacts = client.read_artifacts(artifact_filter=key)
    assert any("none of 2013-03-01" in str(artifact.data) for artifact in artifacts)


def test_the_log_of_a_failed_run_ends_with_its_sentence(served: Served) -> None:
    run = served.finished(served.start(BACKFILL, start="2024-05-24", end="2024-05-20"))
    assert run.state is not None
    assert (run.state.is_failed(), run.state.message) == (True, SENTENCE)
    lines = eventually(lambda: read_log(served, run), "the end of the process")
    of_run = [line for line in lines if re.search(rf"'{re.escape(run.name)}'", line)]
    assert of_run[-1].endswith(f"Finished in state Failed('{SENTENCE}')")
    assert not any("Traceback" in line or line.startswith("  File ") for line in lines)
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} \| ", line) for line in lines), lines  # one line a record
