"""Report a run to people: fan charts, Prefect artifacts, warnings of drifted coverage."""

from datetime import timedelta

import pandas as pd
from prefect import get_run_logger

from db.engine import reading
from db.records import CalibrationRecord, GateRecord
from db.repositories.calibrations import CalibrationRepository
from db.repositories.outcomes import VerificationRepository
from db.repositories.promotions import GateRepository
from flows.context import Job, store
from flows.prefect_runtime.events import emit_drifted
from flows.reporting.artifacts import (
    show_bands,
    show_calibration,
    show_fan,
    show_missing_sessions,
    show_promotion,
)
from flows.reporting.bands import QUERY, default_plot_path, load_bands, load_fan_data, select_main_horizons
from flows.reporting.scorecards import load_horizon_scores
from flows.steps.missing_sessions import Plan
from flows.summary import RunReport
from forecasting.evaluation.monitoring import HORIZONS, Drift, drifts


def report_run(job: Job, tickers: tuple[str, ...]) -> RunReport:
    """Draw the fan charts of some tickers and show the bands of the run's session in the Prefect UI."""
    from flows.reporting.charts import draw_fan, save_fan_charts  # matplotlib takes a second to import

    bands = select_main_horizons(load_bands(job.settings, tickers, job.as_of))
    fans = load_fan_data(job.settings, tickers, job.as_of)
    show_bands(bands)
    for ticker, rows in bands.groupby("ticker"):
        quantiles = fans.bands[fans.bands["ticker"] == ticker]
        show_fan(ticker, rows, draw_fan(quantiles, fans.closes[ticker], ticker))
    plot = save_fan_charts(fans.bands, fans.closes, default_plot_path(job.settings, fans.as_of))
    return RunReport(plot=str(plot), database=str(store(job.settings.url).url), query=QUERY)


def report_calibration(job: Job) -> None:
    """Show how closed bands have done, and warn where they hold too little or too much."""
    levels = job.settings.simulation.levels
    closed = load_closed_bands(job)
    drifted = drifts(closed[closed["kind"] == "live"], levels[-1] - levels[0])
    for drift in drifted:
        get_run_logger().warning("coverage: %s", _describe_drift(drift))
        emit_drifted(job, drift)
    show_calibration(
        job.as_of,
        load_calibration(job),
        load_horizon_scores(job.settings),
        list(map(_describe_drift, drifted)),
    )


def report_promotion(job: Job) -> str:
    """Show the newest promotion decision; return its reason, empty without one."""
    decision = load_decision(job)
    if decision is None:
        return ""
    show_promotion(decision)
    return decision.reason


def report_missing(plan: Plan) -> None:
    """Show which earlier sessions have no complete bands, and whether they are filled now."""
    if not plan.missing:
        return
    action = "filled now" if any(job.kind == "backfill" for job in plan.jobs) else "left as they are"
    days = ", ".join(map(str, plan.missing))
    get_run_logger().warning("missing sessions: without complete bands: %s; %s", days, action)
    show_missing_sessions(plan.missing, action)


def load_closed_bands(job: Job) -> pd.DataFrame:
    """Load the bands that had closed by `as_of`, at the monitored horizons."""
    since = job.as_of - timedelta(days=job.settings.calibration.window_days)
    levels = job.settings.simulation.levels
    with reading(store(job.settings.url)) as connection:
        repository = VerificationRepository(connection, job.source.name)
        return repository.closed(job.as_of, since, levels[-1] - levels[0], HORIZONS)


def load_calibration(job: Job) -> CalibrationRecord | None:
    """Load the newest calibration state that holds no outcome after `as_of`."""
    with reading(store(job.settings.url)) as connection:
        return CalibrationRepository(connection).newest(job.source.name, job.as_of)


def load_decision(job: Job) -> GateRecord | None:
    """Load the newest promotion decision that used no session after `as_of`."""
    with reading(store(job.settings.url)) as connection:
        return GateRepository(connection).latest(job.source.name, job.as_of)


def _describe_drift(drift: Drift) -> str:
    return (
        f"bands {drift.horizon} sessions ahead held {drift.coverage:.1%} of {drift.outcomes} closes in the "
        f"last {drift.sessions} sessions, {drift.nominal:.0%} were promised."
    )
