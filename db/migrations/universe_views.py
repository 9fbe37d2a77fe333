"""Views of the universe of each source, as text for both databases.

A text that has been released is history, as in `db.migrations.views`.
"""

from db.migrations.views import LATEST_FORECAST_12, MISSING_FORECASTS_8

_NEWEST_SESSION = """
    FROM universes u
    JOIN (SELECT source, MAX(as_of) AS as_of FROM universes GROUP BY source) newest
      ON newest.source = u.source AND newest.as_of = u.as_of
"""
# A ticker belongs or not since the last run was published: a reader compares no sessions.
_IN_UNIVERSE = """
    FROM (SELECT * FROM universes WHERE in_universe = 1) u
"""

LATEST_FORECAST_18 = LATEST_FORECAST_12.replace(_NEWEST_SESSION, _IN_UNIVERSE)
MISSING_FORECASTS_18 = MISSING_FORECASTS_8.replace(_NEWEST_SESSION, _IN_UNIVERSE)
FRESHNESS_18 = """
CREATE VIEW freshness AS
SELECT newest.source, newest.session,
       (SELECT MAX(r.issued_at) FROM forecast_runs r
        WHERE r.source = newest.source AND r.as_of = newest.session) AS issued_at,
       newest.tickers, newest.tickers - newest.missing AS with_bands, newest.missing
FROM (
    SELECT u.source, MAX(u.as_of) AS session, COUNT(*) AS tickers, COUNT(m.ticker) AS missing
    FROM universes u
    LEFT JOIN missing_forecasts m ON m.source = u.source AND m.ticker = u.ticker
    WHERE u.in_universe = 1
    GROUP BY u.source
) newest
"""
