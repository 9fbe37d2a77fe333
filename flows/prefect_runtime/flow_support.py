"""Prefect helpers: the context of a run, its time limit, tags and due time."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

from flows.context import RunContext, open_context
from forecasting.errors import CalendarError, UsageError
from forecasting.text import format_count

R = TypeVar("R")
LOST_ADVICE = "a backup may hold them, and 'A damaged store' in docs/operations.md says what else"
PROMPT = timedelta(minutes=1)


def opaque(value: R) -> R:
    """Mark a value that Prefect hands to a task as it is.

    Otherwise Prefect searches it for futures, twice a task, which takes longer than a download for a context
    of 500 tickers.
    """
    quoted: R = quote(value)  # type: ignore[assignment]  # Prefect unwraps it before the task begins
    return quoted


@contextmanager
def open_flow_context(as_of: date | None, **overrides: Any) -> Iterator[RunContext]:
    """Open the context of a flow run by the instant at which it was due.

    Raises:
        BandcastError: The run cannot work as requested.
    """
    with open_context(due(), as_of, **overrides) as context:
        if lost := context.store.count_lost_commits():
            gone = format_count(lost, "commit is", "commits are")
            get_run_logger().warning("store: the last %s lost; %s", gone, LOST_ADVICE)
        tag_run(context)
        yield context


def tag_run(context: RunContext) -> None:
    """Add tags to this run, by which the UI can be filtered: source, session, and kind where it is known."""
    tags = [f"source={context.source.name}", f"as_of={context.as_of}"]
    with suppress(UsageError, CalendarError):  # no ticker is of a known exchange, as their quarantines state
        tags.append(f"kind={context.kind}")
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.id))
        client.update_flow_run(run.id, tags=sorted({*run.tags, *tags}))


@contextmanager
def time_limit(minutes: float) -> Iterator[None]:
    """End the process if the block takes longer.

    Prefect's timeouts cannot stop native code or a thread that waits. A process that has ended frees the
    concurrency slot that the next day's run waits for, and whatever it had not committed is rolled back.
    """
    watchdog = threading.Timer(minutes * 60, _end, [minutes])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _end(minutes: float) -> None:
    sentence = (
        f"Expected the run to end within {format_count(minutes, 'minute')}, found it still running; "
        "ended it here."
    )
    print(f"{sentence} Raise BANDCAST_RUN_MINUTES if it needs longer.", file=sys.stderr, flush=True)  # noqa: T201  # the log may hang with it
    os._exit(os.EX_TEMPFAIL)


def due() -> datetime:
    """Return when this run was due: its scheduled start, or now where nothing was scheduled (UTC)."""
    scheduled: Any = flow_run.scheduled_start_time
    # Prefect's own kind of instant loses its zone when a duration is subtracted from it.
    return datetime.fromtimestamp(scheduled.timestamp(), UTC) if scheduled else datetime.now(UTC)


def is_scheduled() -> bool:
    """Return True if the run was scheduled, by a schedule or by a person for later; a quick run is not."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.expected_start_time is None or run.created is None:
        return False
    return run.auto_scheduled or abs(run.expected_start_time - run.created) > PROMPT
