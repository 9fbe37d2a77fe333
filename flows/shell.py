"""The Prefect shell around steps: tasks that keep nothing, flows that fail in one sentence."""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed

from forecasting.errors import BandcastError

P = ParamSpec("P")
R = TypeVar("R")


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


def flow_run_id() -> str | None:
    """Prefect's id of this run."""
    identity: str | None = flow_run.id
    return identity


def run_name() -> str:
    """Name of a run in the UI: the flow and the session that was asked for, or the day it was due."""
    asked: date | None = flow_run.parameters.get("as_of")
    return f"{flow_run.flow_name}-{asked or due().date()}"
