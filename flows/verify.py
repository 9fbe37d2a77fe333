"""Scoring what has closed, as a flow of its own."""

from typing import Any

from prefect import flow

from flows.form import Day, Source, Symbols, overrides
from flows.naming import run_name
from flows.outcomes import Stopwatch, Summary
from flows.quality import report_calibration
from flows.scoring import verify_bands
from flows.shell import due, one_sentence
from flows.wiring import open_job


@flow(name="verify", flow_run_name=run_name)
@one_sentence
def verify(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> dict[str, Any]:
    """Score every issued band whose target session has closed, from the prices that the store holds.

    Args:
        tickers: Symbols of the run; all issued bands of the source are scored in any case.
        source: Whose bands and prices.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session that counts as closed; none for the last one closed when the run was due.
    """
    job = open_job(due(), as_of, **overrides(tickers, source, csv_dir))
    watch = Stopwatch()
    with watch.stage("verify"):
        scored = verify_bands(job)
    report_calibration(job)
    return Summary(job.as_of, seconds=watch.seconds, details={"scored": scored}).plain()
