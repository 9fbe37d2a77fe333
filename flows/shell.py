"""The Prefect shell around steps: tasks that keep nothing, flows that fail in one sentence."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Failed

from forecasting.errors import BandcastError

P = ParamSpec("P")
R = TypeVar("R")
PROMPT = timedelta(minutes=1)


def one_sentence(function: Callable[P, R]) -> Callable[P, R]:
    """Make the errors that bandcast words itself a failed state with that sentence, not a traceback."""

    @functools.wraps(function)
    def body(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BandcastError as error:
            failed: State[Any] = Failed(message=str(error), data=error)
            return failed  # type: ignore[return-value]  # Prefect takes a state for a result

    return body


def due() -> datetime:
    """When this run was due: its scheduled start, or now where nothing was scheduled (UTC)."""
    scheduled: Any = flow_run.scheduled_start_time
    return scheduled.astimezone(UTC) if scheduled else datetime.now(UTC)


def on_schedule() -> bool:
    """Whether a schedule, or somebody ahead of time, has set when this run was due; not a press of "run"."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.expected_start_time is None or run.created is None:
        return False
    return run.auto_scheduled or abs(run.expected_start_time - run.created) > PROMPT


def flow_run_id() -> str | None:
    """Prefect's id of this run."""
    identity: str | None = flow_run.id
    return identity
