"""What a run leaves for people: fan charts, Prefect artifacts, the query that reads the bands."""

from typing import Any

import pandas as pd
from prefect.artifacts import create_table_artifact

from flows.bands import HORIZONS, at_main_horizons, latest, plot_bands
from flows.outcomes import Summary
from flows.wiring import Job, store

QUERY = (
    "SELECT ticker, as_of, target_session, horizon, anchor_close, lower, median, upper "
    f"FROM latest_forecast WHERE horizon IN {HORIZONS} ORDER BY ticker, horizon"
)
_SHOWN = ["ticker", "as_of", "target_session", "horizon", "lower", "median", "upper", "quality"]


def report(job: Job, summary: Summary) -> dict[str, Any]:
    """Draw the fan charts and show the bands in the Prefect UI."""
    plot = plot_bands(job.settings, summary.tickers)
    create_table_artifact(_rows(latest(job.settings, summary.tickers)), key="bands", description=QUERY)
    return {"plot": str(plot), "database": str(store(job.settings.url).url), "query": QUERY}


def _rows(bands: pd.DataFrame) -> list[dict[str, Any]]:
    """The bands at the main horizons as plain values: the UI knows no numpy."""
    shown = at_main_horizons(bands)[_SHOWN].astype({"as_of": str, "target_session": str}).round(4)
    rows: list[dict[str, Any]] = shown.astype(object).to_dict("records")
    return rows
