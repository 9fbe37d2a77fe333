"""Policy of models: when a new one is due, when it renews an old champion, and which one serves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from forecasting.errors import ModelError
from forecasting.types import ModelStatus, Quality

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class ModelAge:
    """Sessions that had a part in a stored model.

    Attributes:
        version: The model.
        trained_through: Last session that training or validation saw.
        evaluated_through: Last session of its promotion test; None where it passed none.
    """

    version: str
    trained_through: date
    evaluated_through: date | None

    @property
    def last_seen(self) -> date:
        """Last session that had a part in the model: its promotion test's, else its training's."""
        return self.evaluated_through or self.trained_through


def is_retrain_due(
    as_of: date,
    *,
    best: str | None,
    active: ModelAge | None,
    last_tested: date | None,
    max_age_days: int,
    saw_withdrawn: bool = False,
) -> bool:
    """Return whether the first choice is missing, broken or old, and no challenger was tested for it since.

    Age counts from the last promotion test: a refused challenger buys its champion as much time as a promoted
    one has, or a test that is repeated every day would in the end be passed by chance.

    Args:
        as_of: The session of the run.
        best: Version of the first model of the ladder.
        active: The model that serves: the first that can be rebuilt.
        last_tested: Session of the newest promotion test.
        max_age_days: Age at which a new model is due.
        saw_withdrawn: Prices that the active model was fitted or tested on were withdrawn since, and since
            the newest promotion test.
    """
    if saw_withdrawn:
        return True
    if best is None or active is None or active.version != best:
        return last_tested is None or last_tested < as_of
    newest = max(active.last_seen, last_tested or active.last_seen)
    return (as_of - newest).days > max_age_days


def is_renewal(
    challenger_trained_through: date, champion: ModelAge | None, as_of: date, *, max_age_days: int
) -> bool:
    """Return whether a challenger that has seen later sessions would succeed an old champion."""
    if champion is None or challenger_trained_through <= champion.trained_through:
        return False
    return (as_of - champion.last_seen).days > max_age_days


def rank_quality(status: ModelStatus) -> Quality:
    """Return the rung of the ladder on which a model of this status serves."""
    return "champion" if status == "champion" else "baseline" if status == "baseline" else "previous"


@dataclass(frozen=True)
class Ladder(Generic[Loaded]):
    """Outcome of climbing down the ladder of models.

    Attributes:
        active: The first model that can be rebuilt; None where the random walk must serve.
        refused: Version -> why it cannot be rebuilt, of those before it.
    """

    active: Loaded | None
    refused: dict[str, str]


def climb_down(versions: Iterable[str], load: Callable[[str], Loaded]) -> Ladder[Loaded]:
    """Return what `load` makes of the first version that it can rebuild, and why those before it cannot."""
    refused: dict[str, str] = {}
    for version in versions:
        try:
            return Ladder(load(version), refused)
        except ModelError as error:
            refused[version] = str(error)
    return Ladder(None, refused)
