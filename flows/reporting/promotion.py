"""The gate's decision, as the Prefect UI shows it."""

from prefect.artifacts import create_markdown_artifact

from db.engine import reading
from db.records import GateRecord
from db.repositories.promotions import GateRepository
from flows.context import Job, store
from flows.reporting.artifacts import markdown_table


def report_gate(job: Job) -> None:
    """Show the gate's newest decision, with the scores that it rests on."""
    with reading(store(job.settings.url)) as connection:
        decision = GateRepository(connection).latest(job.source.name, job.as_of)
    if decision is not None:
        verdict = "promoted" if decision.promoted else "refused"
        described = f"{decision.candidate} {verdict} as of {decision.as_of}"
        create_markdown_artifact(_gate_text(decision, verdict), key="gate", description=described)


def _gate_text(decision: GateRecord, verdict: str) -> str:
    numbers = ("candidate_crps", "champion_crps", "floor_crps", "difference", "lower", "upper", "tolerance")
    rows = [{"score": name, "value": _number(getattr(decision, name))} for name in numbers]
    parts = (
        f"# {decision.candidate}: {verdict}",
        decision.reason,
        f"Against {decision.champion or 'no champion'}, on {decision.forecasts} outcomes of {decision.dates} "
        f"dates up to {decision.as_of}.",
        markdown_table(rows),
    )
    return "\n\n".join(parts)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
