"""Models and promotion decisions, as `bandcast models` lists them."""

from typing import Any

from db import ModelRecord, PromotionRecord, Store
from flows.presentation.tables import Column, Sheet

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


def load_models_sheet(store: Store, *, all_sources: bool) -> Sheet:
    """Load the models of the store's source or of all, the newest first, with the newest decision on each.

    `crps` and `champion_crps` are those of the promotion test, in units of the random walk's; the reason of
    each decision stands below the table.
    """
    with store.reading() as tx:
        models = tx.models.list(all_sources=all_sources)
        decisions = tx.promotions.list(all_sources=all_sources)
    newest = {decision.challenger: decision for decision in reversed(decisions)}
    rows = tuple(_build_row(model, newest.get(model.version)) for model in models)
    reasons = (
        f"{model.version}: {newest[model.version].reason}" for model in models if model.version in newest
    )
    return Sheet("Models", _COLUMNS, rows, ("CRPS in the promotion test over the random walk's", *reasons))


def _build_row(model: ModelRecord, decision: PromotionRecord | None) -> tuple[Any, ...]:
    # The random walk's row has a date because the column wants one: nothing was trained.
    trained = None if model.status == "baseline" else model.trained_through
    facts = (model.source, model.version, model.status, trained, model.evaluated_through)
    if decision is None:
        return (*facts, None, None, None, None)
    scores = (decision.challenger_crps, decision.champion, decision.champion_crps)
    return (*facts, *scores, decision.reason)
