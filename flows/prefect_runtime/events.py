"""Prefect events that automations and other programs can wait for."""

from dataclasses import asdict
from typing import Any

from prefect.events import emit_event

from flows.context import RunContext
from flows.summary import RunSummary
from forecasting.evaluation.monitoring import Drift

PUBLISHED = "bandcast.forecast.published"
DRIFTED = "bandcast.coverage.drifted"


def emit_published(context: RunContext, summary: RunSummary) -> None:
    """Emit that a session's bands are in the store; a run that changed nothing emits it again."""
    payload = {
        "as_of": str(summary.as_of),
        "run_id": summary.run_id,
        "kind": context.kind,
        "tickers": list(summary.tickers),
        "quarantined": sorted(summary.quarantined),
        "model_version": summary.model_version,
    }
    _emit(
        PUBLISHED,
        f"bandcast.forecast.{context.source.name}",
        f"bands of {context.source.name}",
        payload=payload,
    )


def emit_drifted(context: RunContext, drift: Drift) -> None:
    """Emit that the bands of a horizon hold too little or too much."""
    payload = {"as_of": str(context.as_of), **asdict(drift)}
    source = context.source.name
    _emit(DRIFTED, f"bandcast.coverage.{source}", f"coverage of {source}", payload=payload)


def _emit(event: str, resource: str, name: str, *, payload: dict[str, Any]) -> None:
    emit_event(
        event,
        resource={"prefect.resource.id": resource, "prefect.resource.name": name},
        payload=payload,
    )
