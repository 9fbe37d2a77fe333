"""Prefect events that automations and other programs can wait for."""

from dataclasses import asdict

from prefect.events import emit_event

from flows.context import RunContext
from flows.summary import RunSummary
from forecasting.evaluation.monitoring import Drift

PUBLISHED = "bandcast.forecast.published"
DRIFTED = "bandcast.coverage.drifted"


def emit_published(context: RunContext, summary: RunSummary) -> None:
    """Emit that a session's bands are in the store; a run that changed nothing emits it again."""
    emit_event(
        PUBLISHED,
        resource={
            "prefect.resource.id": f"bandcast.forecast.{context.source.name}",
            "prefect.resource.name": f"bands of {context.source.name}",
        },
        payload={
            "as_of": str(summary.as_of),
            "run_id": summary.run_id,
            "kind": context.kind,
            "tickers": list(summary.tickers),
            "quarantined": sorted(summary.quarantined),
            "model_version": summary.model_version,
        },
    )


def emit_drifted(context: RunContext, drift: Drift) -> None:
    """Emit that the bands of a horizon hold too little or too much."""
    emit_event(
        DRIFTED,
        resource={
            "prefect.resource.id": f"bandcast.coverage.{context.source.name}",
            "prefect.resource.name": f"coverage of {context.source.name}",
        },
        payload={"as_of": str(context.as_of), **asdict(drift)},
    )
