"""What `bandcast models` shows: every model, where it stands, and what the gate said of it."""

import json
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.table import Table

from db.engine import reading, writing
from db.records import GateRecord, ModelRecord
from db.repositories.models import ModelRepository
from db.repositories.promotions import GateRepository
from flows.context import store
from flows.settings import Settings


@dataclass(frozen=True)
class ListedModel:
    """A model with the newest decision of the gate on it.

    Attributes:
        source: Of the prices that it was trained on.
        version: Its name.
        status: champion, retired, refused or candidate.
        trained_through: Last session that training or validation saw.
        gated_as_of: Last session that the gate saw; None where it passed none.
        crps: Its CRPS at the gate, in units of the random walk's.
        champion: The model that it was tried against.
        champion_crps: That one's CRPS.
        reason: What the gate said.
    """

    source: str
    version: str
    status: str
    trained_through: date
    gated_as_of: date | None
    crps: float | None
    champion: str | None
    champion_crps: float | None
    reason: str | None


def listed_models(settings: Settings, source: str | None = None) -> list[ListedModel]:
    """The models of one source or of all, the newest first."""
    with reading(store(settings.url)) as connection:
        models = ModelRepository(connection).list(source)
        decisions = GateRepository(connection).list(source)
    newest = {decision.candidate: decision for decision in reversed(decisions)}
    return [_listed(record, newest.get(record.version)) for record in models]


def roll_back(settings: Settings) -> tuple[str, str]:
    """Let the champion before the present one serve again; the version that serves, the one taken back.

    Raises:
        StoreError: There is none before it.
    """
    with writing(store(settings.url)) as connection:
        return ModelRepository(connection).rollback(settings.source)


def models_json(models: list[ListedModel]) -> str:
    """The models as a JSON array."""
    return json.dumps([one.__dict__ for one in models], indent=2, default=str)


def print_models(models: list[ListedModel]) -> None:
    """A table on standard output, with what the gate said of each below."""
    console = Console(width=110, soft_wrap=True, highlight=False)
    table = Table(title="Models", title_justify="left", caption="CRPS at the gate over the random walk's")
    for name in (
        "source",
        "version",
        "status",
        "trained through",
        "gated as of",
        "CRPS",
        "champion",
        "its CRPS",
    ):
        table.add_column(name, justify="right" if "CRPS" in name else "left")
    for one in models:
        days = (str(one.trained_through), str(one.gated_as_of or ""))
        scores = (_number(one.crps), one.champion or "", _number(one.champion_crps))
        table.add_row(one.source, one.version, one.status, *days, *scores)
    console.print(table)
    for one in models:
        if one.reason:
            console.print(f"{one.version}: {one.reason}", markup=False)


def _listed(record: ModelRecord, decision: GateRecord | None) -> ListedModel:
    return ListedModel(
        source=record.source,
        version=record.version,
        status=record.status,
        trained_through=record.trained_through,
        gated_as_of=record.gated_as_of,
        crps=decision.candidate_crps if decision else None,
        champion=decision.champion if decision else None,
        champion_crps=decision.champion_crps if decision else None,
        reason=decision.reason if decision else None,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
