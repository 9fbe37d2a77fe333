"""Definition of flows and tasks: how they end, what they keep, and how many tasks a flow runs at once."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alarms import try_alarm
from flows.failures import hide_secrets, translate_error
from flows.prefect_runtime.flow_results import keep_result
from flows.prefect_runtime.flow_support import time_limit
from flows.prefect_runtime.run_logs import clean_run_logs
from flows.prefect_runtime.run_names import run_name
from flows.private_files import private_files
from flows.settings import load_settings
from forecasting.errors import BandcastError

P = ParamSpec("P")
R = TypeVar("R")
MOST_TASKS = 4  # at once in one flow: the store lends 15 connections


def define_flow(name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Define a flow whose failure is one sentence and whose runs are named by their session."""

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        translated = keep_result(_translate_failure(function))
        return flow(name=name, flow_run_name=run_name, task_runner=build_task_runner())(translated)

    return decorate


def build_task_runner() -> Any:
    """Build the runner of a flow's tasks; Prefect's stub wants an instance of an unbound generic."""
    return ThreadPoolTaskRunner(max_workers=MOST_TASKS)


def define_task(name: str, run_name: str | None = None) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Define a task whose result is not kept: everything that lasts is in the store.

    Args:
        name: As Prefect shows it.
        run_name: Of each run, with parameters in braces; None for one that Prefect makes.
    """
    decorate_task = task(name=name, task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return decorate_task(_translate_unforeseen(function))

    return decorate


def _translate_failure(function: Callable[P, R]) -> Callable[P, R]:
    """Turn any error into a failed state with one sentence, instead of a traceback; files are private."""
    clean_run_logs()

    @functools.wraps(function)
    def body(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with private_files(), time_limit(load_settings().run_minutes):
                return function(*args, **kwargs)
        except Exception as error:
            failure = translate_error(error)
        _alarm_failure(failure)
        failed: State[Any] = Failed(message=hide_secrets(str(failure)), data=failure)
        return failed  # type: ignore[return-value]  # Prefect accepts a state as result

    return body


def _translate_unforeseen(function: Callable[P, R]) -> Callable[P, R]:
    """Raise an unforeseen error of a task as an `InternalError`, whose text Prefect puts into a state."""

    @functools.wraps(function)
    def body(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BandcastError:
            raise
        except Exception as error:
            raise translate_error(error) from error

    return body


def _alarm_failure(failure: BandcastError) -> None:
    """Send an alarm about the failure of this run; a fault of that is logged."""
    if fault := try_alarm(f"bandcast: {flow_run.name} failed", str(failure)):
        get_run_logger().warning("alarm: %s", fault)
