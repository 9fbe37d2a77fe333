"""What a run leaves for people: fan charts, Prefect artifacts, the query that reads the bands."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from prefect.artifacts import create_table_artifact

from db.engine import reading
from db.forecasts import ForecastRepository
from db.prices import PriceRepository
from flows.outcomes import Summary
from flows.settings import Settings
from flows.wiring import Job, store
from forecasting.adjustment import adjust
from forecasting.errors import UsageError

HORIZONS = (1, 5, 10, 20, 30)
QUERY = (
    "SELECT ticker, as_of, target_session, horizon, anchor_close, lower, median, upper "
    "FROM latest_forecast ORDER BY ticker, horizon"
)


def report(job: Job, summary: Summary) -> dict[str, Any]:
    """Draw the fan charts and show bands and quarantined tickers in the Prefect UI."""
    plot = plot_bands(job.settings, summary.tickers)
    create_table_artifact(_rows(latest(job.settings, summary.tickers)), key="bands", description=QUERY)
    reasons = [{"ticker": name, "reason": one.reason, "detail": str(one)} for name, one in summary.quarantined.items()]
    create_table_artifact(reasons, key="quarantined", description=f"Left out on {job.as_of}")
    return {"plot": str(plot), "query": QUERY}


def latest(settings: Settings, tickers: tuple[str, ...] | None = None) -> pd.DataFrame:
    """The view `latest_forecast`, for some tickers or all."""
    with reading(store(settings.url)) as connection:
        return ForecastRepository(connection).latest(tickers)


def at_main_horizons(bands: pd.DataFrame) -> pd.DataFrame:
    """The rows that a person reads first."""
    return bands[bands["horizon"].isin(HORIZONS)]


def plot_bands(settings: Settings, tickers: Sequence[str], out: Path | None = None) -> Path:
    """Draw the newest bands of some tickers (none named: all); the path of the PNG.

    Raises:
        UsageError: The store holds no forecast of them.
    """
    with reading(store(settings.url)) as connection:
        forecasts = ForecastRepository(connection)
        newest = forecasts.newest(tickers or None)
        if not newest:
            wanted = ", ".join(tickers) or "any ticker"
            raise UsageError(f"Expected a stored forecast of {wanted}, found none; run `bandcast run` first.")
        bands = pd.concat([forecasts.bands(ticker, as_of) for ticker, as_of, _ in newest])
        closes = {
            ticker: _closes(PriceRepository(connection, source), ticker, as_of)
            for ticker, as_of, source in newest
        }
    from flows.plots import fan_chart  # matplotlib takes a second to import

    path = settings.home.absolute() / "plots" / f"fan-{max(as_of for _, as_of, _ in newest)}.png"
    return fan_chart(bands, closes, out or path)


def _closes(prices: PriceRepository, ticker: str, as_of: date) -> pd.Series:
    return adjust(prices.load(ticker, as_of), as_of, "split_adjusted")["close"]


def _rows(bands: pd.DataFrame) -> list[dict[str, Any]]:
    """The bands at the main horizons as plain values."""
    shown: list[Mapping[Any, Any]] = at_main_horizons(bands).astype({"as_of": str, "target_session": str}).to_dict("records")
    names = ("ticker", "as_of", "target_session", "horizon", "lower", "median", "upper", "quality")
    return [{name: _plain(row[name]) for name in names} for row in shown]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return round(value, 4) if isinstance(value, float) else value
