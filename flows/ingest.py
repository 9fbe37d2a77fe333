"""Ingest: bring the price store up to date, and do nothing else."""

from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.steps.ingest import ingest_universe
from flows.steps.models import list_universe
from flows.summary import RunSummary


@define_flow("ingest")
def ingest(
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    as_of: form.Day | None = None,
) -> RunSummary:
    """Bring the price store up to date, and do nothing else.

    Args:
        tickers: Symbols to fetch, separated by commas or one per entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        source: Source of prices.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Last session to fetch; none for the last one closed when the run was due.
    """
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir)
    with open_flow_context(as_of, **universe) as context:
        return ingest_universe(context, list_universe(context))
