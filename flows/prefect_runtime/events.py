"""Events that automations and other programs can wait for."""

from dataclasses import asdict

from prefect.events import emit_event

from flows.context import Job
from flows.summary import Summary
from forecasting.evaluation.monitoring import Drift

PUBLISHED = "bandcast.forecast.published"
DRIFTED = "bandcast.coverage.drifted"


def announce(job: Job, summary: Summary) -> None:
    """Tell that a session's bands are in the table; a run that changed nothing tells it again."""
    emit_event(
        PUBLISHED,
        resource={
            "prefect.resource.id": f"bandcast.forecast.{job.source.name}",
            "prefect.resource.name": f"bands of {job.source.name}",
        },
        payload={
            "as_of": summary.as_of.isoformat(),
            "run_id": summary.run_id,
            "kind": job.kind,
            "tickers": list(summary.tickers),
            "quarantined": sorted(summary.quarantined),
            "model_version": summary.model_version,
        },
    )


def warn_of_drift(job: Job, drift: Drift) -> None:
    """Tell that the bands of a horizon hold too little or too much."""
    emit_event(
        DRIFTED,
        resource={
            "prefect.resource.id": f"bandcast.coverage.{job.source.name}",
            "prefect.resource.name": f"coverage of {job.source.name}",
        },
        payload={"as_of": job.as_of.isoformat(), **asdict(drift)},
    )
