"""Scores of bands as rows of `band_outcomes`, one a forecast, and the writing of them."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.schema import band_outcomes
from db.schema.outcomes import SCORED_BANDS
from db.sql import differs_beyond_rounding, start_insert, to_plain_rows
from forecasting.errors import TableError
from forecasting.tables import BAND_SCORES

_KEY = ["ticker", "as_of", "target_session", "kind"]
_FACTS = ["horizon", "quality", "regime", "reports_ahead", "nominal_coverage"]
_OUTCOME = ["actual_log_return", "actual_close"]
_SCORES = ["lower", "median", "upper", "miss", "crps"]
_COMPARED = {
    "compared_log_return": "actual_log_return",
    "compared_close": "actual_close",
    "compared_at": "scored_at",
}


def widen_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Put the scores of a forecast's bands into one row; what the views work out from others is left out.

    Args:
        scores: A frame of `forecasting.tables.BAND_SCORES`.

    Returns:
        The columns of `band_outcomes` without `source`, the `compared_` ones and times.

    Raises:
        TableError: The frame is of another schema, or two bands of a forecast differ in their outcome.
    """
    BAND_SCORES.check(scores)
    outcomes = scores[[*_KEY, *_FACTS, *_OUTCOME]].drop_duplicates(ignore_index=True)
    twice = outcomes.duplicated(_KEY)
    if twice.any():
        row = ", ".join(map(str, outcomes.loc[twice, _KEY].iloc[0]))
        raise TableError(BAND_SCORES.name, "one outcome a forecast", f"another one of {row}")
    missed = scores.assign(miss=(scores["above"] - scores["below"]).astype("Int64"))
    for band in SCORED_BANDS:
        of_band = missed.loc[missed["band"] == band, [*_KEY, *_SCORES]]
        names = {name: f"{band}_{name}" for name in _SCORES}
        outcomes = outcomes.merge(of_band.rename(columns=names), on=_KEY, how="left")
    return outcomes


def save_outcomes(connection: sa.Connection, rows: list[dict[str, Any]], *, replace: bool) -> int:
    """Insert rows; where the key is stored, update what differs, and keep the bands that are not offered.

    Those bands, whose quantiles were pruned, keep the outcome that they were scored with, too.

    Args:
        connection: A writing connection.
        rows: Of `band_outcomes`, all with the same columns.
        replace: False leaves stored rows even where values differ.

    Returns:
        Number of rows that are new or changed.

    Raises:
        StoreError: A value is infinite.
    """
    plain = to_plain_rows(rows)
    if not plain:
        return 0
    statement = start_insert(connection, band_outcomes).execution_options(preserve_rowcount=True)
    key = list(band_outcomes.primary_key)
    if not replace:
        return connection.execute(statement.on_conflict_do_nothing(index_elements=key), plain).rowcount
    stored, offered = band_outcomes.c, statement.excluded
    bands = {name: band for band in SCORED_BANDS for name in _list_columns(band)}
    kept = {
        name: sa.case((_has(offered, band), offered[name]), else_=stored[name])
        for name, band in bands.items()
    }
    names = [name for name in plain[0] if name not in {column.name for column in key}]
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={**{name: offered[name] for name in names}, **kept, **_keep_compared(stored, offered)},
        where=_differs(stored, offered),
    )
    return connection.execute(statement, plain).rowcount


def _list_columns(band: str) -> list[str]:
    return [f"{band}_{name}" for name in _SCORES]


def _has(row: Any, band: str) -> sa.ColumnElement[bool]:
    """Build the condition that a row has the scores of a band."""
    has: sa.ColumnElement[bool] = row[f"{band}_miss"].is_not(None)
    return has


def _differs(stored: Any, offered: Any) -> sa.ColumnElement[bool]:
    """Build the condition that an offered row changes the stored one."""
    changes = [differs_beyond_rounding(stored[name], offered[name]) for name in _OUTCOME]
    for band in SCORED_BANDS:
        others = (differs_beyond_rounding(stored[name], offered[name]) for name in _list_columns(band))
        changes.append(_has(offered, band) & sa.or_(*others))
    return sa.or_(*changes)


def _keep_compared(stored: Any, offered: Any) -> dict[str, sa.ColumnElement[Any]]:
    """Build the outcome that the comparison bands keep where a row offers the calibrated one alone."""
    compares = sa.or_(*(_has(offered, band) for band in SCORED_BANDS if band != "calibrated"))
    return {
        name: sa.case(
            (compares, sa.null()), (stored.compared_at.is_not(None), stored[name]), else_=stored[fact]
        )
        for name, fact in _COMPARED.items()
    }
