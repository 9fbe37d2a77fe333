"""Views of quantiles and of odds, a row for each, as text for both databases.

A text that has been released is history, as in `db.migrations.views`.
"""

from collections.abc import Sequence

LEVEL_NAMES_16 = {
    0.01: "01",
    0.025: "025",
    **{percent / 100: f"{percent:02d}" for percent in range(5, 100, 5)},
    0.975: "975",
    0.99: "99",
}
_FORECAST_ROW = ("source", "ticker", "as_of", "target_session")
_LEVELS = " UNION ALL ".join(
    f"SELECT CAST({level} AS DOUBLE PRECISION) AS level, {number} AS number"
    for number, level in enumerate(LEVEL_NAMES_16, start=1)
)


def _choose(column: str) -> str:
    """Write the value of one column at the level of a row: of a listed one, or of one of earlier releases."""
    arms = " ".join(
        f"WHEN {number} THEN q.{column}_{name}"
        for number, name in enumerate(LEVEL_NAMES_16.values(), start=1)
    )
    return f"CASE l.number {arms} ELSE u.{column} END"


# A join and no union: SQLite looks through it, so that a condition on the key reaches the key.
FORECAST_QUANTILES_16 = f"""
CREATE VIEW forecast_quantiles AS
SELECT q.source, q.ticker, q.as_of, q.target_session, q.horizon, q.band, l.level,
       {_choose("log_return")} AS log_return, {_choose("price")} AS price
FROM band_quantiles q
CROSS JOIN ({_LEVELS} UNION ALL SELECT DISTINCT level, 0 FROM unlisted_quantiles) l
LEFT JOIN unlisted_quantiles u
  ON l.number = 0 AND {" AND ".join(f"u.{name} = q.{name}" for name in _FORECAST_ROW)}
 AND u.band = q.band AND u.level = l.level
WHERE {_choose("log_return")} IS NOT NULL
"""

COMPARISON_LEVELS_20 = (0.05, 0.25, 0.5, 0.75, 0.95)
_BANDS = " UNION ALL ".join(
    f"SELECT '{band}' AS band" for band in ("calibrated", "mc_dropout", "predictive", "random_walk")
)


def _choose_of_band(column: str) -> str:
    """Write the value of one column at the level of a row, in the table of its band."""
    arms = " ".join(
        f"WHEN {number} THEN COALESCE(q.{column}_{name}, c.{column}_{name})"
        if level in COMPARISON_LEVELS_20
        else f"WHEN {number} THEN q.{column}_{name}"
        for number, (level, name) in enumerate(LEVEL_NAMES_16.items(), start=1)
    )
    return f"CASE l.number {arms} ELSE u.{column} END"


def _is_of_forecast(row: str) -> str:
    return " AND ".join(f"{row}.{name} = f.{name}" for name in _FORECAST_ROW)


# No union of the two tables: SQLite looks through joins alone.
FORECAST_QUANTILES_20 = f"""
CREATE VIEW forecast_quantiles AS
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, b.band, l.level,
       {_choose_of_band("log_return")} AS log_return, {_choose_of_band("price")} AS price
FROM forecasts f
CROSS JOIN ({_BANDS}) b
LEFT JOIN calibrated_quantiles q ON b.band = 'calibrated' AND {_is_of_forecast("q")}
LEFT JOIN comparison_quantiles c ON b.band = c.band AND {_is_of_forecast("c")}
CROSS JOIN ({_LEVELS} UNION ALL SELECT DISTINCT level, 0 FROM unlisted_quantiles) l
LEFT JOIN unlisted_quantiles u
  ON l.number = 0 AND {_is_of_forecast("u")} AND u.band = b.band AND u.level = l.level
WHERE {_choose_of_band("log_return")} IS NOT NULL
"""


def _list_scored(table: str, band: str, *, miss: str, actual: str, levels: Sequence[float] = ()) -> str:
    """Select the quantiles q of scored bands of one table, with the outcome o of each."""
    names = [(level, LEVEL_NAMES_16[level]) for level in levels]
    values = " UNION ALL ".join(
        f"SELECT CAST({level} AS DOUBLE PRECISION) AS level, {number} AS number"
        for number, (level, _) in enumerate(names)
    )
    arms = " ".join(f"WHEN {number} THEN q.log_return_{name}" for number, (_, name) in enumerate(names))
    value, level = (f"CASE l.number {arms} END", "l.level") if levels else ("q.log_return", "q.level")
    return f"""
    SELECT o.source, {band} AS band, o.kind, o.quality, o.horizon, {level} AS level, {value} AS log_return,
           {actual} AS actual_log_return
    FROM {table} q
    JOIN band_outcomes o
      ON {" AND ".join(f"o.{name} = q.{name}" for name in _FORECAST_ROW)} AND o.kind IN ('live', 'backfill')
    {f"CROSS JOIN ({values}) l" if levels else ""}
    WHERE {miss} IS NOT NULL AND {value} IS NOT NULL"""


_MISS = " ".join(
    f"WHEN '{band}' THEN o.{band}_miss" for band in ("calibrated", "mc_dropout", "predictive", "random_walk")
)
_COMPARED = "CASE WHEN o.compared_at IS NOT NULL THEN o.compared_log_return ELSE o.actual_log_return END"
_SCORED = " UNION ALL ".join(
    (
        _list_scored(
            "calibrated_quantiles",
            "'calibrated'",
            miss="o.calibrated_miss",
            actual="o.actual_log_return",
            levels=tuple(LEVEL_NAMES_16),
        ),
        _list_scored(
            "comparison_quantiles",
            "q.band",
            miss=f"CASE q.band {_MISS} END",
            actual=_COMPARED,
            levels=COMPARISON_LEVELS_20,
        ),
        _list_scored(
            "unlisted_quantiles",
            "q.band",
            miss=f"CASE q.band {_MISS} END",
            actual=f"CASE WHEN q.band = 'calibrated' THEN o.actual_log_return ELSE {_COMPARED} END",
        ),
    )
)
ALL_PINBALL_BY_LEVEL_20 = f"""
CREATE VIEW all_pinball_by_level AS
SELECT s.source, s.band, s.kind, s.quality, s.horizon, s.level, COUNT(*) AS outcomes,
       AVG(CASE WHEN s.actual_log_return <= s.log_return THEN 1.0 ELSE 0.0 END) AS at_or_below,
       AVG(CASE WHEN s.actual_log_return >= s.log_return
                THEN s.level * (s.actual_log_return - s.log_return)
                ELSE (1 - s.level) * (s.log_return - s.actual_log_return) END) AS pinball
FROM ({_SCORED}) s
GROUP BY s.source, s.band, s.kind, s.quality, s.horizon, s.level
"""

ODDS_20 = {  # statistic, level -> column
    **{
        ("touch", move): f"touch_{'up' if move > 0 else 'down'}_{abs(round(100 * move)):02d}"
        for move in (-0.3, -0.2, -0.15, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
    },
    **{("drawdown", level): f"drawdown_{round(100 * level):02d}" for level in COMPARISON_LEVELS_20},
}
_ODDS = " UNION ALL ".join(
    f"SELECT '{statistic}' AS statistic, CAST({level} AS DOUBLE PRECISION) AS level, {number} AS number"
    for number, (statistic, level) in enumerate(ODDS_20, start=1)
)
_VALUE = " ".join(f"WHEN {number} THEN o.{name}" for number, name in enumerate(ODDS_20.values(), start=1))
PATH_ODDS_20 = f"""
CREATE VIEW path_odds AS
SELECT o.source, o.ticker, o.as_of, o.horizon, l.statistic, l.level,
       CASE l.number {_VALUE} ELSE u.value END AS value
FROM forecast_odds o
CROSS JOIN ({_ODDS} UNION ALL SELECT DISTINCT statistic, level, 0 FROM unlisted_odds) l
LEFT JOIN unlisted_odds u
  ON l.number = 0 AND u.source = o.source AND u.ticker = o.ticker AND u.as_of = o.as_of
 AND u.horizon = o.horizon AND u.statistic = l.statistic AND u.level = l.level
WHERE CASE l.number {_VALUE} ELSE u.value END IS NOT NULL
"""
