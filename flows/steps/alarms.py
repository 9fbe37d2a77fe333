"""Alarms of a run that did not fail: drifted coverage, and too many quarantined tickers."""

from collections.abc import Mapping

from prefect import get_run_logger

from flows.alarms import try_lasting_alarm
from flows.context import RunContext
from flows.summary import RunSummary
from forecasting.text import format_count

NAMED = 5  # quarantined tickers of a message


def alarm_drift(context: RunContext, drifts: Mapping[str, str]) -> None:
    """Send an alarm where coverage has begun to drift.

    Args:
        context: The run.
        drifts: Horizon -> sentence, of all drifts that hold now.
    """
    source = context.source.name
    _send(context, f"drift/{source}", f"bandcast: coverage of {source} drifts", conditions=drifts)


def alarm_quarantined(context: RunContext, summary: RunSummary) -> None:
    """Send an alarm where a run has published and left out more than the accepted share of tickers."""
    if summary.run_id is None:
        return
    source, conditions = context.source.name, {}
    if measure_quarantined(summary) > context.settings.notify_quarantined:
        conditions["share"] = describe_quarantined(summary)
    subject = f"bandcast: many tickers of {source} are quarantined"
    _send(context, f"quarantined/{source}", subject, conditions=conditions)


def measure_quarantined(summary: RunSummary) -> float:
    """Return the share of a run's tickers that it left out."""
    left_out = len(summary.quarantined)
    return left_out / max(left_out + len(summary.tickers), 1)


def describe_quarantined(summary: RunSummary) -> str:
    """Name the first quarantined tickers with their reasons."""
    count = len(summary.quarantined)
    total = format_count(count + len(summary.tickers), "ticker")
    named = [f"{ticker} ({error.reason})" for ticker, error in list(summary.quarantined.items())[:NAMED]]
    more = [f"{count - NAMED} more"] if count > NAMED else []
    return (
        f"{summary.as_of}: {count} of {total} without bands: {', '.join([*named, *more])}; "
        "see `bandcast prices status`."
    )


def _send(context: RunContext, kind: str, subject: str, *, conditions: Mapping[str, str]) -> None:
    home, today = context.settings.home, context.now.date()
    if fault := try_lasting_alarm(kind, subject, conditions, home=home, today=today):
        get_run_logger().warning("alarm: %s", fault)
