"""One evening's ingest, without Prefect."""

from datetime import UTC, date, datetime, time

from flows.context import open_context
from flows.sources.retry import open_retrier
from flows.steps.ingest import save_quarantines, try_ticker
from forecasting.errors import PriceError


def ingest_evening(day: date, tickers: list[str], at: time = time(22)) -> dict[str, PriceError]:
    """Ingest some tickers on a day; the reason of each that failed."""
    due = datetime.combine(day, at, UTC)
    with open_context(due, now=due, tickers=tickers) as context:
        retrier = open_retrier(context.settings)
        results = {ticker: try_ticker(context, ticker, retrier) for ticker in tickers}
        failed = {ticker: result for ticker, result in results.items() if isinstance(result, PriceError)}
        save_quarantines(context, failed, set(tickers) - set(failed))
    return failed
