"""Results of flows that are called in this process, which do not hang on an answer of the server.

Where the answer to a run's last state is lost, Prefect sends it again, receives the state that the server
has stored already, and goes on with that one, which holds no result.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State, StateType

P = ParamSpec("P")
R = TypeVar("R")

_kept: ContextVar[list[tuple[StateType, Any]]] = ContextVar("kept")


def keep_result(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what the body of a flow returns, for `call_for_result`."""

    @functools.wraps(function)
    def body(*args: P.args, **kwargs: P.kwargs) -> R:
        returned = function(*args, **kwargs)
        if isinstance(returned, State):
            _kept.get([]).append((returned.type, returned.data))
        else:
            _kept.get([]).append((StateType.COMPLETED, returned))
        return returned

    return body


def call_for_result(flow: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a flow whose body is wrapped by `keep_result`; return its result, or the error it ended with."""
    kept: list[tuple[StateType, Any]] = []
    token = _kept.set(kept)
    try:
        state: State[Any] = flow(*args, **kwargs, return_state=True)
    finally:
        _kept.reset(token)
    for kind, result in kept:
        if state.data is None and state.type == kind:
            return result
    return state.result(raise_on_failure=False)
