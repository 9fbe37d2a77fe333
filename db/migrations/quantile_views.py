"""View of quantiles, a row for each, as text for both databases.

A text that has been released is history, as in `db.migrations.views`.
"""

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
