"""Closed bands for calibration: one query per ticker, and columns narrow enough for millions of rows."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.schema import verifications
from forecasting.tables import CLOSED_BANDS
from forecasting.types import OutcomeKind, Regime, values

NO_CLOSED_BANDS = CLOSED_BANDS.empty().assign(kind=pd.Series(dtype="object"))
_KEY = ("source", "ticker", "as_of", "target_session", "kind")
_NUMBERS = [name for name, kind in CLOSED_BANDS.columns.items() if kind == "number"]
_predictive = verifications.alias("predictive")
_calibrated = verifications.alias("calibrated")


def build_closed_query(
    source: str,
    until: date,
    since: date,
    *,
    nominal_coverage: float,
    horizons: Sequence[int],
) -> sa.Select[Any]:
    """Join the predictive bands of a source with the calibrated ones; the ticker is the query's parameter."""
    query = (
        sa.select(
            _predictive.c.as_of,
            _predictive.c.horizon,
            sa.func.coalesce(_predictive.c.regime, "normal").label("regime"),  # before 0003 none was kept
            _predictive.c.actual_log_return.label("actual"),
            *(_predictive.c[name] for name in ("lower", "median", "upper")),
            *(_calibrated.c[name].label(f"calibrated_{name}") for name in ("lower", "upper")),
            # Null in rows before migration 0009, and without dates.
            sa.func.coalesce(_predictive.c.reports_ahead, 0).label("reports_ahead"),
            _predictive.c.kind,
        )
        .join(_calibrated, sa.and_(*(_predictive.c[name] == _calibrated.c[name] for name in _KEY)))
        .where((_predictive.c.band == "predictive") & (_calibrated.c.band == "calibrated"))
        .where((_predictive.c.source == source) & (_predictive.c.ticker == sa.bindparam("ticker")))
        .where(sa.func.abs(_predictive.c.nominal_coverage - nominal_coverage) < 1e-9)
        .where((_predictive.c.target_session <= until) & (_predictive.c.as_of >= since))
        .where(_predictive.c.quality != "baseline")
    )
    return query.where(_predictive.c.horizon.in_(horizons)) if horizons else query


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
