"""Opaque values are not searched for futures, and reach the task as they are."""

from dataclasses import dataclass, field

from prefect.utilities.collections import visit_collection
from prefect.utilities.engine import collect_task_run_inputs_sync, resolve_to_final_result

from flows.prefect_runtime.flow_support import opaque


@dataclass
class Held:
    """Holds a list, of which Prefect would make another one."""

    tickers: list[str] = field(default_factory=lambda: ["AAPL"])


def test_a_value_arrives_as_it_is() -> None:
    held = Held()
    handed = opaque(held)
    assert collect_task_run_inputs_sync(handed) == set()
    seen: list[object] = []

    def resolve(value: object, context: dict[str, object]) -> object:
        seen.append(value)
        return resolve_to_final_result(value, context)

    resolved = visit_collection(
        handed,
        visit_fn=resolve,
        return_data=True,
        remove_annotations=True,
        context={"parameter_name": "held"},
    )
    assert resolved is held
    assert held.tickers not in seen
