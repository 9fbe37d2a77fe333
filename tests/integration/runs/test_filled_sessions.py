"""Sessions that a daily run fills: each a run below the run, with its tasks and its end."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flow_runs import complete, run_state
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterName,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, TaskRun
from reading_store import rows

from flows.context import RunContext
from flows.daily import daily
from flows.steps import sessions
from flows.steps.publish import publish_session
from flows.summary import RunSummary
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

TUE, WED, THU, FRI = date(2013, 2, 26), date(2013, 2, 27), date(2013, 2, 28), date(2013, 3, 1)


def read_fills() -> dict[str, FlowRun]:
    """Runs of filled sessions, by name."""
    with get_client(sync_client=True) as client:
        names = FlowRunFilterName(any_=[f"fill-{session}" for session in (WED, THU)])
        return {run.name: run for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(name=names))}


def read_tasks(run_id: UUID) -> list[TaskRun]:
    with get_client(sync_client=True) as client:
        of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run_id]))
        return client.read_task_runs(task_run_filter=of_run)


@pytest.mark.long
def test_each_filled_session_is_a_run_below_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wednesday cannot be filled, which keeps neither Thursday nor the run's own session from its bands."""

    def publish(context: RunContext, *given: Any, **options: Any) -> RunSummary:
        if context.as_of == WED:
            raise SourceError("Expected bands, found postgresql://me:secret@db/x to be gone.")
        return publish_session(context, *given, **options)

    complete(daily, tickers=["IBM"], as_of=TUE, horizon=2)
    monkeypatch.setattr(sessions, "publish_session", publish)
    state = run_state(daily, tickers=["IBM"], as_of=FRI, horizon=2, catch_up="fill", look_back=2)
    summary = state.result()
    assert [(fill.session, fill.published, bool(fill.failed)) for fill in summary.filled] == [
        (WED, (), True),
        (THU, ("IBM",), False),
    ]
    assert [str(as_of) for (as_of,) in rows("SELECT DISTINCT as_of FROM forecasts ORDER BY as_of")] == [
        str(session) for session in (TUE, THU, FRI)
    ]
    fills = read_fills()
    failed, filled = fills[f"fill-{WED}"], fills[f"fill-{THU}"]
    assert failed.state is not None
    assert failed.state.is_failed()
    assert failed.state.message == "Expected bands, found postgresql://***@db/x to be gone."
    assert filled.state is not None
    assert filled.state.message == f"{THU}: bands of 1 ticker."
    assert {"source=sample", f"as_of={THU}"} < set(filled.tags)
    assert filled.parameters == {"session": str(THU)}
    own = {task.name for task in read_tasks(filled.id)}
    assert f"publish-{THU}" in own
    assert state.state_details.flow_run_id is not None
    tasks = read_tasks(state.state_details.flow_run_id)
    assert {task.id for task in tasks} >= {failed.parent_task_run_id, filled.parent_task_run_id}
    assert f"publish-{FRI}" in {task.name for task in tasks}
    assert not own & {task.name for task in tasks}
