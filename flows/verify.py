"""Scoring what has closed, as a flow of its own."""

from datetime import date
from typing import Any

from prefect import flow

from flows.outcomes import Stopwatch, Summary
from flows.scoring import verify_bands
from flows.settings import SourceName
from flows.shell import due, one_sentence, run_name
from flows.wiring import open_job


@flow(name="verify", flow_run_name=run_name)
@one_sentence
def verify(
    tickers: list[str] | None = None,
    source: SourceName | None = None,
    csv_dir: str | None = None,
    as_of: date | None = None,
) -> dict[str, Any]:
    """Score every issued band whose target session has closed, from the prices that the store holds.

    Args:
        tickers: Symbols of the run; all issued bands of the source are scored in any case.
        source: Whose bands and prices; empty for the configured one.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session that counts as closed; empty for the last one that is.
    """
    job = open_job(due(), as_of, tickers=tickers, source=source, csv_dir=csv_dir)
    watch = Stopwatch()
    with watch.stage("verify"):
        scored = verify_bands(job)
    return Summary(job.as_of, seconds=watch.seconds, details={"scored": scored}).plain()
