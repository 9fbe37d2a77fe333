"""Verify: score what has closed."""

from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.steps.verify import verify_store
from flows.summary import RunSummary


@define_flow("verify")
def verify(
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    as_of: form.Day | None = None,
) -> RunSummary:
    """Score every issued band whose target session has closed, from the prices that the store holds.

    Args:
        tickers: Symbols of the run, separated by commas or one per entry; all issued bands of the source are
            scored in any case.
        source: Source of bands and prices.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Last session that counts as closed; none for the last one closed when the run was due.
    """
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir)
    with open_flow_context(as_of, **universe) as context:
        return verify_store(context)
