"""Present a run to people: fan charts, Prefect artifacts, warnings of drifted coverage."""

from datetime import timedelta

from prefect import get_run_logger

from flows.context import RunContext
from flows.prefect_runtime.events import emit_drifted
from flows.presentation.artifacts import (
    show_bands,
    show_calibration,
    show_fan,
    show_missing_sessions,
    show_page,
    show_promotion,
    show_quarantined,
)
from flows.presentation.bands import (
    default_plot_path,
    format_query,
    load_bands,
    load_expected_reports,
    load_fan_data,
    select_charted,
)
from flows.presentation.scorecards import load_horizon_scores, load_issued_scores
from flows.presentation.summary_page import RunPage, describe_run, format_page
from flows.steps.alarms import alarm_drift, alarm_quarantined
from flows.steps.calibrate import load_closed_bands
from flows.steps.missing_sessions import SessionPlan
from flows.summary import RunOutputs, RunSummary
from forecasting.config import MAIN_HORIZONS
from forecasting.evaluation.monitoring import Drift, find_drifts
from forecasting.text import format_count

LAST_MONTH = timedelta(days=30)


def present_run(context: RunContext, tickers: tuple[str, ...]) -> RunOutputs:
    """Show the bands of the run's session in the Prefect UI, and draw the fan charts of some tickers."""
    from flows.presentation.charts import draw_fan, save_fan_charts  # matplotlib takes a second to import

    settings, query = context.settings, format_query(context.source.name)
    bands = load_bands(context.store, tickers, context.as_of)
    charted = select_charted(bands, settings.watched, settings.charts)
    reports = load_expected_reports(context.store, bands, settings.known_ahead)
    bands = bands[bands["horizon"].isin(MAIN_HORIZONS)]
    show_bands(bands, query, reports)
    fans = load_fan_data(context.store, charted, context.as_of, known_ahead=settings.known_ahead)
    for ticker in charted:
        rows, quantiles = bands[bands["ticker"] == ticker], fans.bands[fans.bands["ticker"] == ticker]
        image = draw_fan(quantiles, fans.closes[ticker], ticker, reports=fans.reports.get(ticker, ()))
        show_fan(ticker, rows, image)
    plot = save_fan_charts(fans, default_plot_path(settings, fans.as_of))
    return RunOutputs(plot=str(plot), database=context.store.display_url, query=query)


def present_calibration(context: RunContext) -> None:
    """Show how closed bands have done, and warn where they hold too little or too much."""
    settings = context.settings
    closed = load_closed_bands(context, settings.monitoring.horizons)
    live = closed[closed["kind"] == "live"]
    drifted = find_drifts(live, settings.simulation.nominal_coverage, settings.monitoring)
    with context.store.reading() as tx:
        calibration = tx.calibrations.load_newest(context.as_of)
    alarm_drift(context, {str(drift.horizon): _describe_drift(drift) for drift in drifted})
    for drift in drifted:
        get_run_logger().warning("coverage: %s", _describe_drift(drift))
        emit_drifted(context, drift)
    show_calibration(
        context.as_of,
        calibration,
        load_horizon_scores(context.store, settings.tickers, context.learned_since),
        drifts=list(map(_describe_drift, drifted)),
    )


def present_promotion(context: RunContext) -> str:
    """Show the newest promotion decision; return its reason, empty without one."""
    with context.store.reading() as tx:
        decision = tx.promotions.load_latest(context.as_of)
    if decision is None:
        return ""
    show_promotion(decision)
    return decision.reason


def list_artifacts(summary: RunSummary, *, decided: bool, missing: bool) -> tuple[str, ...]:
    """List the keys of a run's artifacts that its page links to.

    Args:
        summary: Result of the run.
        decided: True if there is a promotion decision.
        missing: True if earlier sessions have no complete bands.
    """
    shown = {
        "gate": decided,
        "quarantined": summary.quarantined,
        "fallbacks": summary.fallbacks,
        "missing-sessions": missing,
    }
    return ("bands", "calibration", *(key for key, content in shown.items() if content))


def present_summary(context: RunContext, summary: RunSummary, artifacts: tuple[str, ...]) -> str:
    """Show what a run did on one page, and the quarantined tickers; return the sentence for its state.

    Args:
        context: The run.
        summary: Its result.
        artifacts: Keys of its other artifacts.
    """
    show_quarantined(summary.as_of, summary.quarantined)
    tickers, before = summary.tickers or context.tickers, context.as_of - timedelta(days=1)
    with context.store.reading() as tx:
        bands = tx.forecasts.load_latest(tickers, context.as_of)
        earlier = tx.forecasts.load_latest(tickers, before)
        model = tx.models.get(summary.model_version) if summary.model_version else None
        calibration = tx.calibrations.load_newest(context.as_of)
        coverage = load_issued_scores(tx, tickers, context.as_of - LAST_MONTH)
    page = RunPage(summary, bands, earlier, model, calibration, coverage, artifacts)
    show_page(format_page(page), summary.as_of)
    alarm_quarantined(context, summary)
    return describe_run(summary, model)


def present_missing(plan: SessionPlan) -> None:
    """Show which earlier sessions have no complete bands, and whether they are filled now."""
    if not plan.missing:
        return
    action = "filled now" if plan.filled else "left as they are"
    days = ", ".join(map(str, plan.missing))
    get_run_logger().warning("missing sessions: without complete bands: %s; %s", days, action)
    show_missing_sessions(plan.missing, action)


def _describe_drift(drift: Drift) -> str:
    return (
        f"bands {format_count(drift.horizon, 'session')} ahead held {drift.coverage:.1%} of "
        f"{format_count(drift.outcomes, 'close')} in the last {format_count(drift.sessions, 'session')}, "
        f"{drift.nominal:.0%} were promised."
    )
