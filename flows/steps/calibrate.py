"""Calibration: what the outcomes known at a session teach the bands of that session."""

import json
from collections.abc import Mapping, Sequence

import pandas as pd
from prefect import get_run_logger

from db import CalibrationRecord
from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.steps.process_pools import choose_spread
from flows.steps.progress import log_progress
from flows.steps.returns import load_for_run
from flows.version import code_version
from forecasting.backtesting.walk_forward import Execution
from forecasting.backtesting.warm_start import walk_before
from forecasting.calibration import Calibration, learn_calibration
from forecasting.calibration.fit import needs_warm_start
from forecasting.config import BAND_LEVELS
from forecasting.errors import BadCalibrationError, TableError
from forecasting.faults import describe_error
from forecasting.forecast import identify
from forecasting.sampling import draw_sample
from forecasting.text import format_count


@define_task("calibrate", "calibrate-{context.as_of}")
def calibrate(context: RunContext) -> CalibrationRecord:
    """Learn from every outcome known at `as_of`, and save the state."""
    record = learn_with_fallback(context)
    with context.store.writing() as tx:
        tx.calibrations.add(record)
    get_run_logger().info(
        "calibrate: %s, from %s", record.calibration_id, format_count(record.n_outcomes, "outcome")
    )
    return record


def learn_with_fallback(context: RunContext) -> CalibrationRecord:
    """Learn from every outcome known at `as_of`; leave the bands as predicted where none can be learned from.

    Other faults raise: of the database, of the walk over history, and of the code.
    """
    try:
        return learn(context)
    except (TableError, BadCalibrationError) as error:
        sentence = "calibrate: the bands stay as predicted, the outcomes cannot be learned from: %s"
        get_run_logger().warning(sentence, describe_error(error))
        return _build_record(context, Calibration.none(), {})


def learn(context: RunContext) -> CalibrationRecord:
    """Learn from every outcome known at `as_of`; walk over history first if they are few."""
    settings = context.settings
    left_out: dict[str, str] = {}
    closed = load_closed_bands(context)
    if needs_warm_start(closed, settings.calibration):
        left_out = warm_start(context)
        closed = load_closed_bands(context)
    learned = learn_calibration(closed, BAND_LEVELS[0], settings.calibration)
    learned.check()
    return _build_record(context, learned, left_out)


def load_closed_bands(context: RunContext, horizons: Sequence[int] = ()) -> pd.DataFrame:
    """Load the bands that had closed by `as_of`, with their outcomes; at all horizons unless named."""
    with context.store.reading() as tx:
        return tx.outcomes.load_closed(
            context.as_of,
            context.learned_since,
            context.settings.simulation.nominal_coverage,
            horizons=horizons,
        )


def warm_start(context: RunContext) -> dict[str, str]:
    """Walk over history as if bands had been issued, and save their scores, marked as never issued.

    Returns:
        Ticker that could not be walked -> why.
    """
    logger, settings = get_run_logger(), context.settings
    logger.info("calibrate: too few outcomes yet, walking over history")

    tickers = draw_sample(context.tickers, settings.warm_start.tickers, seed=settings.simulation.seed)
    prices = load_for_run(context, tickers, settings.model.price_basis)
    origins = settings.warm_start.sessions // settings.warm_start.every
    spread = choose_spread(settings.workers, origins * len(tickers))
    with log_progress("calibrate: sessions walked") as progress:
        walk = walk_before(
            list(prices.returns.values()),
            context.as_of,
            model=settings.model,
            simulation=settings.simulation,
            calibration=settings.calibration,
            config=settings.warm_start,
            execution=Execution(progress.count, spread),
            calendars=context.calendars,
        )
    if walk.reason:
        logger.warning("calibrate: no walk over history: %s", walk.reason)
    left_out = {**prices.left_out, **walk.left_out}
    for reason in left_out.values():
        logger.warning("calibrate: left out: %s", reason)
    with context.store.writing() as tx:
        tx.outcomes.save(walk.scores, context.now, replace=False)
    return left_out


def _build_record(
    context: RunContext, learned: Calibration, left_out: Mapping[str, str]
) -> CalibrationRecord:
    state = learned.to_json()
    return CalibrationRecord(
        calibration_id=identify(context.as_of, context.source.name, state),
        source=context.source.name,
        as_of=context.as_of,
        state=state,
        n_outcomes=learned.outcomes_total,
        code_version=code_version(),
        created_at=context.now,
        left_out=json.dumps(left_out),
    )
