"""Every band whose target session has closed gets its scores."""

from datetime import UTC, date, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db.engine import reading, writing
from db.repositories.outcomes import VerificationRepository
from db.repositories.prices import PriceRepository
from flows.context import Job, store
from flows.settings import Settings
from forecasting.evaluation.outcomes import score_issued


@task(name="verify", cache_policy=NO_CACHE, persist_result=False)
def verify_bands(job: Job) -> int:
    """Score what has closed up to `as_of`; how many bands there were."""
    scored = score_closed(job.settings, job.source.name, job.as_of)
    get_run_logger().info("verify: %d bands scored", scored)
    return scored


def score_closed(settings: Settings, source: str, until: date) -> int:
    """Score the issued bands of a source with a target up to `until`, where that is new or changed."""
    with reading(store(settings.url)) as connection:
        tickers = VerificationRepository(connection, source).tickers()
    return sum(_score_ticker(settings, source, ticker, until) for ticker in tickers)


def _score_ticker(settings: Settings, source: str, ticker: str, until: date) -> int:
    with reading(store(settings.url)) as connection:
        pending = VerificationRepository(connection, source).pending(ticker, until)
        if pending.empty:
            return 0
        history = PriceRepository(connection, source).load(ticker, until)
    scores = score_issued(pending, history, settings.model.price_basis).assign(ticker=ticker)
    with writing(store(settings.url)) as connection:
        VerificationRepository(connection, source).store(scores, datetime.now(UTC))
    return int((scores["method"] == "calibrated").sum())
