"""What a run leaves for people: fan charts, Prefect artifacts, the query that reads the bands."""

from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_table_artifact

from flows.context import Job, store
from flows.reporting.artifacts import show_bands, show_fan
from flows.reporting.bands import HORIZONS, at_main_horizons, drawing, latest
from flows.steps.missing_sessions import Plan

QUERY = (
    "SELECT ticker, as_of, target_session, horizon, anchor_close, lower, median, upper "
    f"FROM latest_forecast WHERE horizon IN {HORIZONS} ORDER BY ticker, horizon"
)


def report(job: Job, tickers: tuple[str, ...]) -> dict[str, Any]:
    """Draw the fan charts of these tickers and show the bands of the run's session in the Prefect UI."""
    from flows.reporting.charts import fan_chart, fan_png  # matplotlib takes a second to import

    bands = at_main_horizons(latest(job.settings, tickers, job.as_of))
    drawn = drawing(job.settings, tickers, job.as_of)
    show_bands(bands, QUERY)
    for ticker, rows in bands.groupby("ticker"):
        quantiles = drawn.bands[drawn.bands["ticker"] == ticker]
        show_fan(ticker, rows, fan_png(quantiles, drawn.closes[ticker], ticker))
    path = job.settings.home.absolute() / "plots" / f"fan-{drawn.as_of}.png"
    plot = fan_chart(drawn.bands, drawn.closes, path)
    return {"plot": str(plot), "database": str(store(job.settings.url).url), "query": QUERY}


def report_missing(plan: Plan) -> None:
    """Tell which earlier sessions have no complete bands, and whether they are filled now."""
    if not plan.missing:
        return
    days = ", ".join(map(str, plan.missing))
    fate = "filled now" if any(job.kind == "backfill" for job in plan.jobs) else "left as they are"
    get_run_logger().warning("catch-up: without complete bands: %s; %s", days, fate)
    rows = [{"session": str(day), "now": fate} for day in plan.missing]
    create_table_artifact(rows, key="missing-sessions", description="Sessions without complete bands")
