"""Models and promotion decisions, as `bandcast models` lists them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date

from db import ModelRecord, PromotionRecord, Store
from flows.reporting.tables import Column, Sheet

_COLUMNS = (
    Column("source", "source"),
    Column("version", "version"),
    Column("status", "status"),
    Column("trained_through", "trained through"),
    Column("gated_as_of", "gated as of"),
    Column("crps", "CRPS", "right"),
    Column("champion", "champion"),
    Column("champion_crps", "its CRPS", "right"),
    Column("reason"),
)


@dataclass(frozen=True)
class ListedModel:
    """A model and the newest promotion decision on it.

    Attributes:
        source: Price source that it was trained on.
        version: Name of the model.
        status: champion, retired, refused or candidate.
        trained_through: Last session that training or validation used.
        gated_as_of: Last session that its promotion test used; None where it passed none.
        crps: Its CRPS in that test, in units of the random walk's.
        champion: Champion that it was compared with.
        champion_crps: CRPS of the champion.
        reason: Reason of the decision.
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


def load_models(store: Store, *, all_sources: bool) -> list[ListedModel]:
    """Load the models of the store's source or of all, the newest first."""
    with store.reading() as tx:
        models = tx.models.list(all_sources=all_sources)
        decisions = tx.promotions.list(all_sources=all_sources)
    newest = {decision.challenger: decision for decision in reversed(decisions)}
    return [_list_model(record, newest.get(record.version)) for record in models]


def build_models_sheet(models: Sequence[ListedModel]) -> Sheet:
    """Build the table of models, with the reason of each decision below."""
    reasons = (f"{model.version}: {model.reason}" for model in models if model.reason)
    notes = ("CRPS at the gate over the random walk's", *reasons)
    return Sheet("Models", _COLUMNS, tuple(map(astuple, models)), notes)


def _list_model(record: ModelRecord, decision: PromotionRecord | None) -> ListedModel:
    return ListedModel(
        source=record.source,
        version=record.version,
        status=record.status,
        trained_through=record.trained_through,
        gated_as_of=record.evaluated_through,
        crps=decision.challenger_crps if decision else None,
        champion=decision.champion if decision else None,
        champion_crps=decision.champion_crps if decision else None,
        reason=decision.reason if decision else None,
    )
