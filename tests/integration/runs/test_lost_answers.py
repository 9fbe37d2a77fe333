"""The answer to a run's last state is lost on its way: the server has the state, the run has its result."""

import re
from typing import Any

import httpx
import pytest

from flows.ingest import ingest
from flows.prefect_runtime.flow_results import call_for_result
from flows.summary import RunSummary
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

LAST = re.compile(rb'"type": ?"(COMPLETED|FAILED)"')


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lose the first answer to each last state; the paths that were asked."""
    send, paths = httpx.Client.send, []

    def lose(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(client, request, **options)
        path = request.url.path
        if path.endswith("/set_state") and LAST.search(request.content):
            paths.append(path)
            if paths.count(path) == 1:
                raise httpx.ReadTimeout("lost", request=request)
        return response

    monkeypatch.setattr(httpx.Client, "send", lose)
    return paths


def test_a_run_that_completes_has_its_summary(lost: list[str]) -> None:
    summary = call_for_result(ingest, tickers=["IBM"])
    assert isinstance(summary, RunSummary)
    assert summary.tickers == ("IBM",)
    assert len(lost) == 2


def test_a_run_that_fails_has_its_error(lost: list[str]) -> None:
    error = call_for_result(ingest, source="csv", csv_dir="nowhere")
    assert isinstance(error, SourceError)
    assert "nowhere" in str(error)
    assert len(lost) == 2
