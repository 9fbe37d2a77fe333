"""How good the bands and the models are, as the Prefect UI shows it."""

import pandas as pd
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from db.engine import reading
from db.repositories.calibrations import CalibrationRepository
from flows.context import Job, store
from flows.prefect_runtime.events import warn_of_drift
from flows.reporting.artifacts import markdown_table
from flows.reporting.scorecards import METHODS, by_horizon
from flows.steps.calibrate import closed_bands
from forecasting.evaluation.monitoring import HORIZONS as JUDGED
from forecasting.evaluation.monitoring import Drift, drifts

_SHOWN = ["horizon", "method", "outcomes", "inside", "below", "above", "crps_to_random_walk"]


def report_calibration(job: Job) -> None:
    """Show how the bands have done, and warn where they hold too little or too much."""
    levels = job.settings.simulation.levels
    closed = closed_bands(job, JUDGED)
    found = drifts(closed[closed["kind"] == "live"], levels[-1] - levels[0])
    for drift in found:
        get_run_logger().warning("coverage: %s", _drift_sentence(drift))
        warn_of_drift(job, drift)
    with reading(store(job.settings.url)) as connection:
        learned = CalibrationRepository(connection).newest(job.source.name, job.as_of)
    state = (
        f"{learned.calibration_id}, from {learned.outcomes} outcomes" if learned else "nothing learned yet"
    )
    text = _calibration_text(by_horizon(job.settings), [_drift_sentence(drift) for drift in found], state)
    create_markdown_artifact(text, key="calibration", description=f"Calibration as of {job.as_of}: {state}")


def _calibration_text(scores: tuple[pd.DataFrame, pd.DataFrame], drifted: list[str], state: str) -> str:
    issued, walked = scores
    parts = [
        "# Calibration",
        f"State: {state}.",
        *(f"**Drift**: {sentence}" for sentence in drifted),
        *_scores("Issued bands that have closed", issued),
        *_scores("Walked over history, never issued", walked),
        "`inside` is the share of closes within the outermost quantiles; `crps_to_random_walk` below 1 is "
        "better than the random walk issued beside.",
    ]
    return "\n\n".join(parts)


def _scores(title: str, scores: pd.DataFrame) -> tuple[str, ...]:
    main = scores[scores["method"].isin(METHODS)]
    rows = main[_SHOWN].astype(object).to_dict("records")
    return (f"## {title}", markdown_table(rows)) if rows else (f"## {title}", "None yet.")


def _drift_sentence(drift: Drift) -> str:
    return (
        f"bands {drift.horizon} sessions ahead held {drift.coverage:.1%} of {drift.outcomes} closes in the "
        f"last {drift.sessions} sessions, {drift.nominal:.0%} were promised."
    )
