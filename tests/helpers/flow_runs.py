"""Flows called in this process, with a real Prefect server behind them."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State

from flows.prefect_runtime.flow_results import call_for_result
from flows.summary import RunSummary

Flow = Callable[..., Any]


def run_state(flow: Flow, **parameters: Any) -> State[Any]:
    """Run a flow; its final state."""
    state = flow(**parameters, return_state=True)
    assert isinstance(state, State)
    return state


def complete(flow: Flow, **parameters: Any) -> RunSummary:
    """Run a flow that completes."""
    result = call_for_result(flow, **parameters)
    assert isinstance(result, RunSummary), result
    return result


def fail(flow: Flow, **parameters: Any) -> Exception:
    """Run a flow that fails; the error."""
    error = call_for_result(flow, **parameters)
    assert isinstance(error, Exception), error
    return error
