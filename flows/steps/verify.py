"""Verify: score every band whose target session has closed, and what the odds of the way are about."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import pandas as pd
from prefect import get_run_logger

from db import Transaction
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
from forecasting.text import format_count

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
    get_run_logger().info("verify: %s scored", format_count(scored, "band"))
    _prune_comparisons(context)
    return scored


def _prune_comparisons(context: RunContext) -> None:
    """Delete the quantiles of comparison bands that have served; what older runs left is for `db prune`."""
    last = context.as_of - timedelta(days=context.settings.keep_comparisons_days)
    with context.store.writing() as tx:
        pruned = tx.outcomes.forget_comparisons(last - PRUNED_SPAN, last)
    if pruned:
        bands = format_count(pruned, "scored comparison band")
        get_run_logger().info("verify: quantiles of %s pruned", bands)


def _score_ticker(context: RunContext, ticker: str, since: date) -> int:
    try:
        with context.store.reading() as tx:
            if _Pending.load(tx, ticker, until=context.as_of, since=since).is_empty:
                return 0
        with context.store.writing() as tx:
            # Read again: until a writer has committed, no other run replaces the bands, nor corrects a close.
            pending = _Pending.load(tx, ticker, until=context.as_of, since=since)
            return 0 if pending.is_empty else _save_scores(tx, context, ticker, pending=pending)
    except PriceError as error:
        get_run_logger().warning("verify: left unscored: %s", error)
        return 0


@dataclass(frozen=True)
class _Pending:
    """Bands and odds of a ticker that have closed and are to be scored."""

    bands: pd.DataFrame
    paths: pd.DataFrame

    @classmethod
    def load(cls, tx: Transaction, ticker: str, *, until: date, since: date) -> Self:
        return cls(
            tx.outcomes.load_pending(ticker, until, since), tx.paths.load_pending(ticker, until, since)
        )

    @property
    def is_empty(self) -> bool:
        return not len(self.bands) and not len(self.paths)

    @property
    def sessions(self) -> set[date]:
        return {*self.bands["as_of"], *self.paths["as_of"]}


def _save_scores(tx: Transaction, context: RunContext, ticker: str, *, pending: _Pending) -> int:
    """Score what is pending; return the number of bands whose scores are new or changed.

    Raises:
        PriceError: The stored prices are broken.
    """
    history = tx.prices.load(ticker, context.as_of, min(pending.sessions))
    if history.bars.empty:
        return 0  # a person has had them forgotten, and the source has not brought them back yet
    units = tx.units.load(ticker, pending.sessions)
    with attribute_to_ticker(ticker):
        scores = score_issued(pending.bands, history, units)
        path_outcomes = measure_path_outcomes(pending.paths, history, units)
    changed = tx.outcomes.save(scores, context.now)
    tx.paths.save(path_outcomes, context.now)
    return changed
