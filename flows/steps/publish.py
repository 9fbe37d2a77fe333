"""Publish the bands of a session in one transaction."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version as installed

from prefect import get_run_logger
from prefect.runtime import flow_run

from db import Publication, RunRecord, TickerSession
from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.events import emit_published
from flows.prefect_runtime.flow_support import opaque
from flows.presentation.artifacts import show_fallbacks, show_quarantined
from flows.steps.ages import load_ages
from flows.steps.calibrate import calibrate
from flows.steps.earnings import refresh_earnings
from flows.steps.forecast import ForecastResult, forecast_all
from flows.steps.ingest import ingest_tickers, quarantine_tickers, require_enough, require_stored
from flows.steps.models import ensure_model, train
from flows.steps.present import present_promotion
from flows.steps.training import ingest_training
from flows.steps.verify import verify_bands
from flows.summary import RunSummary, Stopwatch
from flows.version import code_version
from forecasting.calibration import Calibration
from forecasting.errors import PriceError
from forecasting.forecast import Forecast, fingerprint_forecasts, identify
from forecasting.text import format_count, name_some
from forecasting.types import Quality, Retrain, values

NAMED_BANDS = 5
LIBRARIES = ("torch", "numpy", "pandas", "pytorch-lightning")


def retrain_model(context: RunContext) -> RunSummary:
    """Ingest the training universe, train a challenger on it, and report its promotion test."""
    watch = Stopwatch()
    with watch.stage("ingest"):
        tickers = [ticker for ticker in context.tickers if ticker in context.train_tickers]
        ingested = ingest_tickers(context, tickers)
        context = replace(context, calendars=ingested.calendars)
        context = ingest_training(refresh_earnings(context, ingested.select_done(tickers)))
    quarantine_tickers(context, ingested.failed, ingested.select_done(tickers))
    show_quarantined(context.as_of, ingested.failed)
    require_stored(replace(context, tickers=context.train_tickers), ingested.failed)
    with watch.stage("train"):
        version = train(opaque(context))
    return RunSummary(
        context.as_of,
        model_version=version,
        quarantined=ingested.failed,
        seconds=watch.seconds,
        promotion=present_promotion(context),
        notes=ingested.notes,
    )


def forecast_stored(context: RunContext, retrain: Retrain) -> RunSummary:
    """Forecast and publish from the prices that the store holds."""
    require_stored(context, {})
    watch = Stopwatch()
    with watch.stage("train"):
        version = ensure_model(context, retrain, ingests=False)
    summary = forecast_session(context, version, {}, watch=watch)
    show_quarantined(context.as_of, summary.quarantined)
    return replace(summary, notes=(*context.unread_earnings, *summary.notes))


def publish_session(
    context: RunContext, failed: Mapping[str, PriceError], retrain: Retrain, *, watch: Stopwatch
) -> RunSummary:
    """Publish the bands of one session, from prices that are in the store."""
    with watch.stage("train"):
        version = ensure_model(context, retrain)
    summary = forecast_session(context, version, failed, watch=watch)
    emit_published(context, summary)
    return summary


def forecast_session(
    context: RunContext, version: str, failed: Mapping[str, PriceError], *, watch: Stopwatch
) -> RunSummary:
    """Score what has closed, learn from it, forecast what was ingested, and publish."""
    with watch.stage("verify"):
        verify_bands(opaque(context), context.learned_since)
    with watch.stage("calibrate"):
        calibration = calibrate(opaque(context))
    with watch.stage("forecast"):
        wanted = [ticker for ticker in context.tickers if ticker not in failed]
        result = forecast_all(context, version, Calibration.from_json(calibration.state), tickers=wanted)
    faults = {**failed, **result.faults}
    quarantine_tickers(context, faults, result.forecasts)
    show_fallbacks(context.as_of, result.fallbacks)
    served = find_highest_rung(result, version)
    with watch.stage("publish"):
        forecasts = list(result.forecasts.values())
        run = build_run_record(
            context, served, calibration.calibration_id, forecasts=forecasts, faults=faults
        )
        notes = publish(opaque(context), run, opaque(forecasts), faults=faults)
    return RunSummary(
        context.as_of,
        run.run_id,
        served,
        tuple(result.forecasts),
        faults,
        watch.seconds,
        fallbacks=result.fallbacks,
        notes=notes,
    )


def find_highest_rung(result: ForecastResult, version: str) -> str:
    """Return the first rung if it has made a forecast or none was made, else the highest that has."""
    made = {forecast.model_version: forecast.quality for forecast in result.forecasts.values()}
    if version in made or not made:
        return version
    return min(made, key=lambda rung: values(Quality).index(made[rung]))


@define_task("publish", "publish-{context.as_of}")
def publish(
    context: RunContext, run: RunRecord, forecasts: Sequence[Forecast], *, faults: Mapping[str, PriceError]
) -> tuple[str, ...]:
    """Write a whole run in one transaction; the same inputs make the same run, and change nothing.

    Returns:
        Sentences on live bands for which this run computed other values, and on a run that is not stored.

    Raises:
        SourceError: Fewer forecasts than `min_success_ratio` requires.
    """
    require_enough(context, forecasts, "forecasts", faults=faults)
    with context.store.reading() as tx:
        publication = tx.forecasts.prepare(run, forecasts, listed=context.listed, reissue=context.reissue)
    with context.store.writing() as tx:
        published = tx.forecasts.publish(publication, load_ages(tx, context, forecasts))
        is_stored = tx.forecasts.load_run(run.run_id) is not None
    get_run_logger().info("publish: run %s, %s", run.run_id, format_count(len(forecasts), "ticker"))
    if replaced := published.replaced:
        message = "publish: %s made anew, without scores until the next run: %s"
        bands = format_count(len(replaced), "backfilled band")
        get_run_logger().warning(message, bands, _name_bands(replaced[:NAMED_BANDS]))
    notes = tuple(describe_live(published))
    for note in notes:
        get_run_logger().warning("publish: %s", note)
    return notes if is_stored else (*notes, describe_traceless(published))


def describe_traceless(published: Publication) -> str:
    """Return the sentence on a run that changes no band, and that the store therefore does not hold."""
    makers = sorted({issue.run_id for issue in published.stored.values()})
    return f"This run changes no band and is not stored; the bands are of run {name_some(makers)}."


def describe_live(published: Publication) -> Iterator[str]:
    """Yield a sentence on live bands for which a run computed other values, if there are any."""
    if published.editions:
        bands = ", ".join(
            f"{edition} of {ticker} of {as_of}" for (ticker, as_of), edition in published.editions.items()
        )
        yield f"Live bands stay as they were issued and are scored; this run adds edition {bands}."
    elif published.kept:
        bands = _name_bands(published.kept)
        yield f"Live bands stay as they were issued, although this run comes to others: {bands}."


def _name_bands(bands: Sequence[TickerSession]) -> str:
    return ", ".join(f"{ticker} of {as_of}" for ticker, as_of in bands)


def build_run_record(
    context: RunContext,
    version: str,
    calibration_id: str,
    *,
    forecasts: Sequence[Forecast],
    faults: Mapping[str, PriceError],
) -> RunRecord:
    """Describe a run; its id is a digest of everything that the bands depend on, and of its kind.

    A reissue of a later day with the same inputs is another run: the bands of the first one stay live.
    """
    libraries = json.dumps({name: installed(name) for name in LIBRARIES})
    settings = context.settings.simulation.model_dump_json()
    data, code = fingerprint_forecasts(forecasts), code_version()
    basis = forecasts[0].price_basis if forecasts else context.settings.model.price_basis
    made = (context.source.name, context.kind, version, calibration_id)
    return RunRecord(
        run_id=identify(context.as_of, *made, settings, basis, data, code, libraries),
        source=context.source.name,
        as_of=context.as_of,
        model_version=version,
        seed=context.settings.simulation.seed,
        settings=settings,
        data_fingerprint=data,
        code_version=code,
        library_versions=libraries,
        flow_run_id=flow_run.id,
        issued_at=context.now,
        quarantined=json.dumps({ticker: error.reason for ticker, error in faults.items()}),
        calibration_id=calibration_id,
        kind=context.kind,
        price_basis=basis,
    )
