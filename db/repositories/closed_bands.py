"""Closed bands for calibration: one query per ticker, and columns narrow enough for millions of rows."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.schema import band_outcomes
from forecasting.tables import CLOSED_BANDS
from forecasting.types import OutcomeKind, Regime, values

NO_CLOSED_BANDS = CLOSED_BANDS.empty().assign(kind=pd.Series(dtype="object"))
_NUMBERS = [name for name, kind in CLOSED_BANDS.columns.items() if kind == "number"]


def build_closed_query(
    source: str,
    until: date,
    since: date,
    *,
    nominal_coverage: float,
    horizons: Sequence[int],
) -> sa.Select[Any]:
    """Select a source's predictive bands beside the calibrated ones; the ticker is the query's parameter."""
    row = band_outcomes.c
    # The predictive band's own outcome: that of the calibrated one may be of a close corrected since.
    actual = sa.case((row.compared_at.is_not(None), row.compared_log_return), else_=row.actual_log_return)
    query = (
        sa.select(
            row.as_of,
            row.horizon,
            sa.func.coalesce(row.regime, "normal").label("regime"),  # before 0003 none was kept
            actual.label("actual"),
            *(row[f"predictive_{name}"].label(name) for name in ("lower", "median", "upper")),
            row.calibrated_lower,
            row.calibrated_upper,
            # Null in rows before migration 0009, and without dates.
            sa.func.coalesce(row.reports_ahead, 0).label("reports_ahead"),
            row.kind,
        )
        .where(row.predictive_miss.is_not(None) & row.calibrated_miss.is_not(None))
        .where((row.source == source) & (row.ticker == sa.bindparam("ticker")))
        .where(sa.func.abs(row.nominal_coverage - nominal_coverage) < 1e-9)
        .where((row.target_session <= until) & (row.as_of >= since))
        .where(row.quality != "baseline")
    )
    return query.where(row.horizon.in_(horizons)) if horizons else query


def narrow_rows(rows: pd.DataFrame, ticker: str, tickers: Sequence[str]) -> pd.DataFrame:
    """Convert one ticker's rows to columns of few bytes, one row per forecast and horizon, sorted by them.

    What was issued takes precedence over what was walked only.

    Args:
        rows: Result of `build_closed_query`.
        ticker: Their ticker.
        tickers: Every ticker of the table that these rows become a part of.

    Returns:
        A frame of `CLOSED_BANDS` with a column `kind`.
    """
    types = {
        "as_of": "datetime64[s]",
        "horizon": "int8",
        "reports_ahead": "int8",
        "regime": pd.CategoricalDtype(values(Regime)),
        "kind": pd.CategoricalDtype(values(OutcomeKind), ordered=True),  # in order of precedence
        # Those of a ticker without rows would be objects, and would make objects of all.
        **dict.fromkeys(_NUMBERS, "float64"),
    }
    ordered = rows.astype(types).sort_values(["as_of", "horizon", "kind"], ignore_index=True)
    narrow = ordered.drop_duplicates(["as_of", "horizon"], ignore_index=True)
    codes = [tickers.index(ticker)] * len(narrow)
    narrow.insert(0, "ticker", pd.Categorical.from_codes(codes, categories=list(tickers)))
    return narrow
