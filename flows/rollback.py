"""Rollback: return to the champion before the present one, after its version was typed twice."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.parameters import ModelVersion, Source, overrides
from flows.settings import load_settings
from flows.steps.rollback import roll_back
from forecasting.errors import UsageError


@define_flow("rollback")
def rollback(champion: ModelVersion, again: ModelVersion, source: Source = "configured") -> State[Any]:
    """Refuse the champion for good, and make the one before it serve again.

    Args:
        champion: Version of the model to refuse, as run summaries and `bandcast models` show it.
        again: The same version once more, since nothing brings that model back.
        source: Source of prices whose champion it is.
    """
    if champion != again:
        raise UsageError(f"Expected the same version twice, found {champion} and {again}; type it again.")
    sentence = roll_back(load_settings(source=overrides(source=source)["source"]), champion)
    return Completed(message=sentence, data=sentence)
