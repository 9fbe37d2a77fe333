"""Views with a row for each of the values that a table keeps in one row, as text for both databases.

A text that has been released is history, as in `db.migrations.views`. Each database is fast with another
form: SQLite looks through joins, so that a condition on the key reaches the key, and not through unions;
PostgreSQL looks through both, and makes the rows of a lateral VALUES without a CASE in each.
"""

from collections.abc import Sequence

from db.migrations.quantile_views import LEVEL_NAMES_16

LEVELS_20 = tuple(LEVEL_NAMES_16)
COMPARISON_LEVELS_20 = (0.05, 0.25, 0.5, 0.75, 0.95)
ODDS_20 = {  # statistic, level -> column
    **{
        ("touch", move): f"touch_{'up' if move > 0 else 'down'}_{abs(round(100 * move)):02d}"
        for move in (-0.3, -0.2, -0.15, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
    },
    **{("drawdown", level): f"drawdown_{round(100 * level):02d}" for level in COMPARISON_LEVELS_20},
}
_BANDS = ("calibrated", "mc_dropout", "predictive", "random_walk")
_FORECAST_ROW = ("source", "ticker", "as_of", "target_session")
_MISS = " ".join(f"WHEN '{band}' THEN o.{band}_miss" for band in _BANDS)
_COMPARED = "CASE WHEN o.compared_at IS NOT NULL THEN o.compared_log_return ELSE o.actual_log_return END"


def _is_same(row: str, other: str) -> str:
    return " AND ".join(f"{row}.{name} = {other}.{name}" for name in _FORECAST_ROW)


def _number(levels: Sequence[float]) -> str:
    """Select each level with its number, from 1 on."""
    return " UNION ALL ".join(
        f"SELECT CAST({level} AS DOUBLE PRECISION) AS level, {number} AS number"
        for number, level in enumerate(levels, start=1)
    )


def _choose(column: str, levels: Sequence[float]) -> str:
    """Write the value of a column of the row q at the number of a level."""
    arms = (
        f"WHEN {number} THEN q.{column}_{LEVEL_NAMES_16[level]}"
        for number, level in enumerate(levels, start=1)
    )
    return f"CASE l.number {' '.join(arms)} END"


def _choose_of_band(column: str) -> str:
    """Write the value of a column at the number of a level, in the table of its band: q, c or u."""
    arms = " ".join(
        f"WHEN {number} THEN COALESCE(q.{column}_{LEVEL_NAMES_16[level]}, c.{column}_{LEVEL_NAMES_16[level]})"
        if level in COMPARISON_LEVELS_20
        else f"WHEN {number} THEN q.{column}_{LEVEL_NAMES_16[level]}"
        for number, level in enumerate(LEVELS_20, start=1)
    )
    return f"CASE l.number {arms} ELSE u.{column} END"


def _list_values(levels: Sequence[float]) -> str:
    """Write a lateral VALUES l of each level with the two values of the row q."""
    names = ((level, LEVEL_NAMES_16[level]) for level in levels)
    values = (
        f"(CAST({level} AS DOUBLE PRECISION), q.log_return_{name}, q.price_{name})" for level, name in names
    )
    return f"CROSS JOIN LATERAL (VALUES {', '.join(values)}) l (level, log_return, price)"


FORECAST_QUANTILES_ON_SQLITE_20 = f"""
CREATE VIEW forecast_quantiles AS
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, b.band, l.level,
       {_choose_of_band("log_return")} AS log_return, {_choose_of_band("price")} AS price
FROM forecasts f
CROSS JOIN ({" UNION ALL ".join(f"SELECT '{band}' AS band" for band in _BANDS)}) b
LEFT JOIN calibrated_quantiles q ON b.band = 'calibrated' AND {_is_same("q", "f")}
LEFT JOIN comparison_quantiles c ON c.band = b.band AND {_is_same("c", "f")}
CROSS JOIN ({_number(LEVELS_20)} UNION ALL SELECT DISTINCT level, 0 FROM unlisted_quantiles) l
LEFT JOIN unlisted_quantiles u
  ON l.number = 0 AND {_is_same("u", "f")} AND u.band = b.band AND u.level = l.level
WHERE {_choose_of_band("log_return")} IS NOT NULL
"""


def _unfold(table: str, band: str, levels: Sequence[float]) -> str:
    """Select the quantiles of one table by way of the forecasts, which have the horizon."""
    return f"""
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, {band} AS band,
       l.level, l.log_return, l.price
FROM forecasts f
JOIN {table} q ON {_is_same("q", "f")}
{_list_values(levels)}
WHERE l.log_return IS NOT NULL"""


FORECAST_QUANTILES_20 = f"""
CREATE VIEW forecast_quantiles AS
{_unfold("calibrated_quantiles", "CAST('calibrated' AS VARCHAR)", LEVELS_20)}
UNION ALL
{_unfold("comparison_quantiles", "q.band", COMPARISON_LEVELS_20)}
UNION ALL
SELECT u.source, u.ticker, u.as_of, u.target_session, u.horizon, u.band, u.level, u.log_return, u.price
FROM unlisted_quantiles u
"""


def _average_scored(
    table: str,
    *,
    is_sqlite: bool,
    band: str = "q.band",
    actual: str = _COMPARED,
    levels: Sequence[float] = (),
) -> str:
    """Average the scores of the quantiles q of one table with the outcome o of each, by level."""
    rows, level, value = "", "q.level", "q.log_return"
    if levels and is_sqlite:
        rows, level, value = f"CROSS JOIN ({_number(levels)}) l", "l.level", _choose("log_return", levels)
    elif levels:
        rows, level, value = _list_values(levels), "l.level", "l.log_return"
    return f"""
SELECT s.source, s.band, s.kind, s.quality, s.horizon, s.level, COUNT(*) AS outcomes,
       AVG(CASE WHEN s.actual_log_return <= s.log_return THEN 1.0 ELSE 0.0 END) AS at_or_below,
       AVG(CASE WHEN s.actual_log_return >= s.log_return
                THEN s.level * (s.actual_log_return - s.log_return)
                ELSE (1 - s.level) * (s.log_return - s.actual_log_return) END) AS pinball
FROM (
    SELECT o.source, {band} AS band, o.kind, o.quality, o.horizon, {level} AS level, {value} AS log_return,
           {actual} AS actual_log_return
    FROM {table} q
    JOIN band_outcomes o ON {_is_same("o", "q")} AND o.kind IN ('live', 'backfill')
    {rows}
    WHERE CASE {band} {_MISS} END IS NOT NULL AND {value} IS NOT NULL) s
GROUP BY s.source, s.band, s.kind, s.quality, s.horizon, s.level"""


def _join_averages(*, is_sqlite: bool) -> str:
    """Write the view of the averages of the three tables, which have no band and level in common."""
    tables = (
        _average_scored(
            "calibrated_quantiles",
            is_sqlite=is_sqlite,
            band="CAST('calibrated' AS VARCHAR)",
            actual="o.actual_log_return",
            levels=LEVELS_20,
        ),
        _average_scored("comparison_quantiles", is_sqlite=is_sqlite, levels=COMPARISON_LEVELS_20),
        _average_scored(
            "unlisted_quantiles",
            is_sqlite=is_sqlite,
            actual=f"CASE WHEN q.band = 'calibrated' THEN o.actual_log_return ELSE {_COMPARED} END",
        ),
    )
    return f"CREATE VIEW all_pinball_by_level AS{' UNION ALL'.join(tables)}"


ALL_PINBALL_BY_LEVEL_20, ALL_PINBALL_BY_LEVEL_ON_SQLITE_20 = (
    _join_averages(is_sqlite=is_sqlite) for is_sqlite in (False, True)
)

_NUMBERED_ODDS = " UNION ALL ".join(
    f"SELECT '{statistic}' AS statistic, CAST({level} AS DOUBLE PRECISION) AS level, {number} AS number"
    for number, (statistic, level) in enumerate(ODDS_20, start=1)
)
_VALUE = " ".join(f"WHEN {number} THEN o.{name}" for number, name in enumerate(ODDS_20.values(), start=1))
PATH_ODDS_ON_SQLITE_20 = f"""
CREATE VIEW path_odds AS
SELECT o.source, o.ticker, o.as_of, o.horizon, l.statistic, l.level,
       CASE l.number {_VALUE} ELSE u.value END AS value
FROM forecast_odds o
CROSS JOIN ({_NUMBERED_ODDS} UNION ALL SELECT DISTINCT statistic, level, 0 FROM unlisted_odds) l
LEFT JOIN unlisted_odds u
  ON l.number = 0 AND u.source = o.source AND u.ticker = o.ticker AND u.as_of = o.as_of
 AND u.horizon = o.horizon AND u.statistic = l.statistic AND u.level = l.level
WHERE CASE l.number {_VALUE} ELSE u.value END IS NOT NULL
"""
_ODDS_VALUES = ", ".join(
    f"(CAST('{statistic}' AS VARCHAR), CAST({level} AS DOUBLE PRECISION), o.{name})"
    for (statistic, level), name in ODDS_20.items()
)
PATH_ODDS_20 = f"""
CREATE VIEW path_odds AS
SELECT o.source, o.ticker, o.as_of, o.horizon, l.statistic, l.level, l.value
FROM forecast_odds o
CROSS JOIN LATERAL (VALUES {_ODDS_VALUES}) l (statistic, level, value)
WHERE l.value IS NOT NULL
UNION ALL
SELECT u.source, u.ticker, u.as_of, u.horizon, u.statistic, u.level, u.value FROM unlisted_odds u
"""
