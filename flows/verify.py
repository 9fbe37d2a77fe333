"""The verify flow: score closed bands, report calibration."""

from prefect import flow

from flows.context import open_job
from flows.prefect_runtime.flow_support import due, one_sentence
from flows.prefect_runtime.parameters import Day, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.steps.report import report_calibration
from flows.steps.verify import verify_bands
from flows.summary import RunSummary, Stopwatch


@flow(name="verify", flow_run_name=run_name)
@one_sentence
def verify(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> RunSummary:
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
    return RunSummary(job.as_of, seconds=watch.seconds, scored=scored)
