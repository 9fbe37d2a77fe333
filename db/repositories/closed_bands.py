"""Closed bands as calibration reads them: one query, and columns that millions of rows fit in."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import sqlalchemy as sa

from db.schema import verifications
from forecasting.forecast import REGIMES

KINDS = ("live", "backfill", "walk_forward")  # what was issued counts before what was only walked
_NUMBERS = ("actual", "lower", "median", "upper", "calibrated_lower", "calibrated_upper")
NONE_CLOSED = pd.DataFrame(columns=["ticker", "as_of", "kind", "horizon", "regime", *_NUMBERS])
_KEY = ("source", "ticker", "as_of", "target_session", "kind")
_raw, _given = verifications.alias("raw"), verifications.alias("given")


def closed_query(
    source: str, until: date, since: date, nominal: float, horizons: Sequence[int]
) -> sa.Select[tuple[object, ...]]:
    """The model's bands of a source beside the calibrated ones; the ticker is the query's parameter."""
    query = (
        sa.select(
            *(_raw.c[name] for name in ("as_of", "kind", "horizon")),
            sa.func.coalesce(_raw.c.regime, "normal").label("regime"),  # before 0003 none was kept
            _raw.c.actual_log_return.label("actual"),
            *(_raw.c[name] for name in ("lower", "median", "upper")),
            *(_given.c[name].label(f"calibrated_{name}") for name in ("lower", "upper")),
        )
        .join(_given, sa.and_(*(_raw.c[name] == _given.c[name] for name in _KEY)))
        .where((_given.c.method == "calibrated") & (_raw.c.method == "predictive"))
        .where((_raw.c.source == source) & (_raw.c.ticker == sa.bindparam("ticker")))
        .where(sa.func.abs(_raw.c.nominal - nominal) < 1e-9)
        .where((_raw.c.target_session <= until) & (_raw.c.as_of >= since) & (_raw.c.quality != "baseline"))
    )
    return query.where(_raw.c.horizon.in_(horizons)) if horizons else query


def narrow(rows: pd.DataFrame, ticker: str, tickers: Sequence[str]) -> pd.DataFrame:
    """One ticker's rows in columns of few bytes, one a forecast and horizon, sorted by them.

    Args:
        rows: What `closed_query` has found.
        ticker: Whose they are.
        tickers: Every ticker that these rows will stand beside.
    """
    named = pd.Categorical.from_codes([tickers.index(ticker)] * len(rows), categories=list(tickers))
    types = {
        "as_of": "datetime64[s]",
        "kind": pd.CategoricalDtype(KINDS, ordered=True),
        "horizon": "int8",
        "regime": pd.CategoricalDtype(REGIMES),
        # Those of a ticker without rows would be objects, and would make objects of all.
        **dict.fromkeys(_NUMBERS, "float64"),
    }
    typed = rows.astype(types).assign(ticker=named)
    ordered = typed.sort_values(["as_of", "horizon", "kind"], ignore_index=True)
    return ordered.drop_duplicates(["as_of", "horizon"], ignore_index=True)
