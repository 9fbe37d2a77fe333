"""Events that automations and other programs can wait for."""

from prefect.events import emit_event

from flows.outcomes import Summary
from flows.wiring import Job

PUBLISHED = "bandcast.forecast.published"


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
