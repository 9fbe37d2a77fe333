"""Verify: score every band whose target session has closed, and what the odds of the way are about."""

from datetime import date, timedelta

from prefect import get_run_logger

from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.flow_support import opaque
from flows.steps.present import present_calibration
from flows.steps.progress import log_progress
from flows.summary import RunSummary, Stopwatch
from forecasting.errors import PriceError
from forecasting.evaluation.outcomes import score_issued
from forecasting.evaluation.paths import measure_path_outcomes
from forecasting.faults import attribute_to_ticker

PRUNED_SPAN = timedelta(days=90)  # so that the daily run looks at no history


def verify_store(context: RunContext) -> RunSummary:
    """Score what has closed, and report coverage."""
    watch = Stopwatch()
    with watch.stage("verify"):
        scored = verify_bands(opaque(context), date.min)
    present_calibration(context)
    return RunSummary(context.as_of, seconds=watch.seconds, scored=scored)


@define_task("verify", "verify-{context.as_of}")
def verify_bands(context: RunContext, since: date) -> int:
    """Score the bands that have closed by `as_of` and are new or changed; return their number.

    Args:
        context: The run.
        since: Forecasts from earlier sessions are not looked at.
    """
    with context.store.reading() as tx:
        tickers = tx.outcomes.list_tickers()
    scored = 0
    with log_progress("verify: tickers") as progress:
        for done, ticker in enumerate(tickers, start=1):
            scored += _score_ticker(context, ticker, since)
            progress.count(done, len(tickers))
    get_run_logger().info("verify: %d bands scored", scored)
    _prune_comparisons(context)
    return scored


def _prune_comparisons(context: RunContext) -> None:
    """Delete the quantiles of comparison bands that have served; what older runs left is for `db prune`."""
    last = context.as_of - timedelta(days=context.settings.keep_comparisons_days)
    with context.store.writing() as tx:
        pruned = tx.outcomes.forget_comparisons(last - PRUNED_SPAN, last)
    if pruned:
        get_run_logger().info("verify: quantiles of %d scored comparison bands pruned", pruned)


def _score_ticker(context: RunContext, ticker: str, since: date) -> int:
    try:
        with context.store.reading() as tx:
            pending = tx.outcomes.load_pending(ticker, context.as_of, since)
            paths = tx.paths.load_pending(ticker, context.as_of, since)
            if pending.empty and paths.empty:
                return 0
            first = min([*pending["as_of"], *paths["as_of"]])
            history = tx.prices.load(ticker, context.as_of, first)
            units = tx.units.load(ticker, {*pending["as_of"], *paths["as_of"]})
        with attribute_to_ticker(ticker):
            scores = score_issued(pending, history, units)
            path_outcomes = measure_path_outcomes(paths, history, units)
    except PriceError as error:
        get_run_logger().warning("verify: left unscored: %s", error)
        return 0
    with context.store.writing() as tx:
        tx.outcomes.save(scores, context.now)
        tx.paths.save(path_outcomes, context.now)
    return int((scores["band"] == "calibrated").sum())
