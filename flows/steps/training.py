"""Prices and earnings dates of tickers that are trained on and not forecast: ingested when a model is due."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date

from prefect import get_run_logger

from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.flow_support import opaque
from flows.sources.earnings import LiveEarningsSource
from flows.sources.retry import open_retrier
from flows.steps.earnings import refresh_earnings
from flows.steps.ingest import describe_missing, try_ticker
from flows.steps.progress import log_progress
from forecasting.errors import CalendarError, PriceError
from forecasting.text import format_count

REQUESTS = 3  # of a ticker that is new: its time zone, its prices, its earnings dates


def ingest_training(context: RunContext) -> RunContext:
    """Bring the training universe up to date; return the context with the earnings dates that came with it.

    Nothing is forecast of these tickers and none is quarantined: one that fails is not trained on, or on
    what is stored of it.
    """
    stale = list_stale(context)
    faults = announce_and_ingest(context, stale) if stale else {}
    source = context.source
    page = source.report_lists[:1] if isinstance(source, LiveEarningsSource) else ()
    return refresh_earnings(context, list_not_forecast(context, without=faults), lists=page)


def announce_and_ingest(context: RunContext, stale: Sequence[str]) -> dict[str, PriceError]:
    """Log what the training universe costs, ingest it, and log what is missing; return the reasons."""
    logger, settings = get_run_logger(), context.settings
    logger.info(
        "train: prices of %s (%s) are fetched for training alone, about %s at %s a second; "
        "BANDCAST_TRAIN_UNIVERSE=own trains on the %d that are forecast",
        format_count(len(stale), "ticker"),
        context.training.name,
        format_count(max(round(REQUESTS * len(stale) / settings.requests_per_second / 60), 1), "minute"),
        format_count(settings.requests_per_second, "request"),
        len(context.tickers),
    )
    faults = ingest_in_turn(opaque(context), stale)
    for note in describe_missing(faults):
        logger.warning("train: %s", note)
    return faults


def list_not_forecast(context: RunContext, *, without: Collection[str] = ()) -> list[str]:
    """List the training universe without the tickers that are forecast, too: the run has ingested those."""
    others = dict.fromkeys(ticker for ticker in context.train_tickers if ticker not in context.tickers)
    return [ticker for ticker in others if ticker not in without]


def list_stale(context: RunContext) -> list[str]:
    """List the other tickers of the training universe that are not stored up to the run's session."""
    with context.store.reading() as tx:
        lasts = {ticker: last for ticker, (_, last) in tx.prices.load_spans().items()}
    return [
        ticker for ticker in list_not_forecast(context) if not _is_current(context, ticker, lasts.get(ticker))
    ]


def _is_current(context: RunContext, ticker: str, last: date | None) -> bool:
    with suppress(PriceError, CalendarError):  # a ticker of no exchange fails where it is fetched
        return last is not None and last >= context.last_session(context.calendars.presume(ticker))
    return False


@define_task("pull-training")
def ingest_in_turn(context: RunContext, tickers: Sequence[str]) -> dict[str, PriceError]:
    """Fetch, check and save tickers one after the other; return why each other one failed."""
    retrier, faults = open_retrier(context.settings), {}
    with log_progress("train: prices of tickers fetched") as progress:
        for done, ticker in enumerate(tickers):
            progress.count(done, len(tickers))
            result = try_ticker(context, ticker, retrier)
            if isinstance(result, PriceError):
                faults[ticker] = result
    return faults
