"""The views that consumers read, as text for both databases.

A text that has been released is history: a change is a new constant and a new migration, never an edit.
SQLite refuses to rebuild a table under a view: a migration that does so drops the views first.
"""

LATEST_FORECAST_1 = """
CREATE VIEW latest_forecast AS
SELECT f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at
FROM forecasts f
WHERE f.as_of = (SELECT MAX(newest.as_of) FROM forecasts newest WHERE newest.ticker = f.ticker)
"""

# The split ratio is multiplied up step by step, ex-date by ex-date: SQL has no PRODUCT, and EXP(SUM(LN(x)))
# turns 4 into 4.000000000000001.
FORECAST_WITH_OUTCOME_1 = """
CREATE VIEW forecast_with_outcome AS
SELECT o.*,
       LN(o.actual_close / o.anchor_close) AS actual_log_return,
       CASE WHEN o.actual_close IS NULL THEN NULL
            WHEN o.actual_close BETWEEN o.lower AND o.upper THEN 1
            ELSE 0 END AS inside
FROM (
    SELECT f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
           f.coverage, f.quality, f.model_version, f.issued_at, f.run_id, f.model_variance, f.noise_variance,
           b.close * (
               WITH RECURSIVE product (session, ratio) AS (
                   SELECT f.as_of, CAST(1 AS DOUBLE PRECISION)
                   UNION ALL
                   SELECT s.session, p.ratio * s.value
                   FROM product p
                   JOIN corporate_actions s
                     ON s.source = r.source AND s.ticker = f.ticker AND s.kind = 'split'
                    AND s.session = (
                        SELECT MIN(next.session) FROM corporate_actions next
                        WHERE next.source = r.source AND next.ticker = f.ticker AND next.kind = 'split'
                          AND next.session > p.session AND next.session <= f.target_session)
               )
               SELECT p.ratio FROM product p ORDER BY p.session DESC LIMIT 1
           ) AS actual_close
    FROM forecasts f
    JOIN forecast_runs r ON r.run_id = f.run_id
    LEFT JOIN price_bars b
      ON b.source = r.source AND b.ticker = f.ticker AND b.session = f.target_session
) o
"""

LATEST_FORECAST_2 = """
CREATE VIEW latest_forecast AS
SELECT f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at, f.outcomes, f.regime
FROM forecasts f
WHERE f.as_of = (SELECT MAX(newest.as_of) FROM forecasts newest WHERE newest.ticker = f.ticker)
"""

FORECAST_WITH_OUTCOME_2 = FORECAST_WITH_OUTCOME_1.replace(
    "f.noise_variance,", "f.noise_variance, f.outcomes, f.regime,"
)

# A sum over the rows that both have, because the early ones may lack the random walk.
COVERAGE_BY_HORIZON_3 = """
CREATE VIEW coverage_by_horizon AS
SELECT v.source, v.method, v.kind, v.quality, v.nominal, v.horizon, COUNT(*) AS outcomes,
       AVG(CAST(v.inside AS DOUBLE PRECISION)) AS coverage,
       AVG(CAST(v.below AS DOUBLE PRECISION)) AS below,
       AVG(CAST(v.above AS DOUBLE PRECISION)) AS above,
       AVG(v.crps) AS crps,
       AVG(v.winkler) AS winkler,
       SUM(CASE WHEN w.crps IS NOT NULL THEN v.crps END)
           / NULLIF(SUM(CASE WHEN v.crps IS NOT NULL THEN w.crps END), 0) AS crps_to_random_walk
FROM verifications v
LEFT JOIN verifications w
  ON w.source = v.source AND w.ticker = v.ticker AND w.as_of = v.as_of
 AND w.target_session = v.target_session AND w.kind = v.kind AND w.method = 'random_walk'
GROUP BY v.source, v.method, v.kind, v.quality, v.nominal, v.horizon
"""

PINBALL_BY_LEVEL_3 = """
CREATE VIEW pinball_by_level AS
SELECT v.source, v.method, v.kind, v.quality, v.horizon, q.level, COUNT(*) AS outcomes,
       AVG(CASE WHEN v.actual_log_return <= q.log_return THEN 1.0 ELSE 0.0 END) AS at_or_below,
       AVG(CASE WHEN v.actual_log_return >= q.log_return
                THEN q.level * (v.actual_log_return - q.log_return)
                ELSE (1 - q.level) * (q.log_return - v.actual_log_return) END) AS pinball
FROM verifications v
JOIN forecast_quantiles q
  ON q.ticker = v.ticker AND q.as_of = v.as_of AND q.target_session = v.target_session
 AND q.band = v.method
WHERE v.kind IN ('live', 'backfill')
GROUP BY v.source, v.method, v.kind, v.quality, v.horizon, q.level
"""

# The newest session of each ticker is one look into the key of forecasts, however long the history.
LATEST_FORECAST_6 = """
CREATE VIEW latest_forecast AS
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at, f.outcomes, f.regime,
       r.kind, member.age_sessions, i.currency, i.name
FROM (
    SELECT u.source, u.ticker, u.age_sessions,
           (SELECT MAX(b.as_of) FROM forecasts b WHERE b.source = u.source AND b.ticker = u.ticker) AS as_of
    FROM universes u
    JOIN (SELECT source, MAX(as_of) AS as_of FROM universes GROUP BY source) newest
      ON newest.source = u.source AND newest.as_of = u.as_of
) member
JOIN forecasts f ON f.source = member.source AND f.ticker = member.ticker AND f.as_of = member.as_of
JOIN forecast_runs r ON r.run_id = f.run_id
LEFT JOIN instruments i ON i.source = f.source AND i.ticker = f.ticker
"""

FORECAST_WITH_OUTCOME_6 = FORECAST_WITH_OUTCOME_2.replace(
    "SELECT f.ticker", "SELECT f.source, f.ticker", 1
).replace("f.outcomes, f.regime,", "f.outcomes, f.regime, r.kind,", 1)

PINBALL_BY_LEVEL_6 = PINBALL_BY_LEVEL_3.replace(
    "ON q.ticker = v.ticker", "ON q.source = v.source AND q.ticker = v.ticker"
)

CONTRACT_VERSION_6 = "CREATE VIEW contract_version AS SELECT 2 AS contract_version"

_REPORTS_AHEAD = ("f.outcomes, f.regime,", "f.outcomes, f.regime, f.reports_ahead,")
LATEST_FORECAST_8 = LATEST_FORECAST_6.replace(*_REPORTS_AHEAD).replace(
    "i.currency, i.name", "i.currency, i.name,\n       f.coverage AS nominal_coverage"
)

# Outcomes are read as `verify` has stored them, from the key of verifications.
FORECAST_WITH_OUTCOME_8 = """
CREATE VIEW forecast_with_outcome AS
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at, f.run_id, f.model_variance, f.noise_variance,
       f.outcomes, f.regime, f.reports_ahead, r.kind, v.actual_close, v.actual_log_return, v.inside,
       f.coverage AS nominal_coverage, v.below, v.above, v.crps, v.winkler
FROM forecasts f
JOIN forecast_runs r ON r.run_id = f.run_id
LEFT JOIN verifications v
  ON v.source = f.source AND v.ticker = f.ticker AND v.as_of = f.as_of
 AND v.target_session = f.target_session AND v.method = 'calibrated' AND v.kind = r.kind
"""

# A sum over the rows that both have, because the early ones may lack the random walk.
SHARES = """
       COUNT(*) AS outcomes,
       AVG(CAST(v.inside AS DOUBLE PRECISION)) AS realized_coverage,
       AVG(CAST(v.below AS DOUBLE PRECISION)) AS below,
       AVG(CAST(v.above AS DOUBLE PRECISION)) AS above,
       AVG(v.crps) AS crps,
       AVG(v.winkler) AS winkler,
       SUM(CASE WHEN w.crps IS NOT NULL THEN v.crps END)
           / NULLIF(SUM(CASE WHEN v.crps IS NOT NULL THEN w.crps END), 0) AS crps_to_random_walk
"""
BESIDE_RANDOM_WALK = """
FROM verifications v
LEFT JOIN verifications w
  ON w.source = v.source AND w.ticker = v.ticker AND w.as_of = v.as_of
 AND w.target_session = v.target_session AND w.kind = v.kind AND w.method = 'random_walk'
"""

ALL_COVERAGE_BY_HORIZON_8 = f"""
CREATE VIEW all_coverage_by_horizon AS
SELECT v.source, v.method AS band, v.kind, v.quality, v.nominal AS nominal_coverage, v.horizon, {SHARES}
{BESIDE_RANDOM_WALK}
GROUP BY v.source, v.method, v.kind, v.quality, v.nominal, v.horizon
"""
ALL_COVERAGE_BY_TICKER_8 = f"""
CREATE VIEW all_coverage_by_ticker AS
SELECT v.source, v.ticker, v.method AS band, v.kind, v.nominal AS nominal_coverage, {SHARES}
{BESIDE_RANDOM_WALK}
GROUP BY v.source, v.ticker, v.method, v.kind, v.nominal
"""
ALL_PINBALL_BY_LEVEL_8 = PINBALL_BY_LEVEL_6.replace(
    "VIEW pinball_by_level", "VIEW all_pinball_by_level"
).replace("v.method, v.kind", "v.method AS band, v.kind", 1)

# Old names of columns, for one release: each shows what the new name shows.
COVERAGE_BY_HORIZON_8 = """
CREATE VIEW coverage_by_horizon AS
SELECT a.*, a.band AS method, a.nominal_coverage AS nominal, a.realized_coverage AS coverage
FROM all_coverage_by_horizon a WHERE a.kind = 'live'
"""
COVERAGE_BY_TICKER_8 = """
CREATE VIEW coverage_by_ticker AS
SELECT a.* FROM all_coverage_by_ticker a WHERE a.kind = 'live'
"""
PINBALL_BY_LEVEL_8 = """
CREATE VIEW pinball_by_level AS
SELECT a.*, a.band AS method FROM all_pinball_by_level a WHERE a.kind = 'live'
"""

# Each split closes a span of sessions whose bars all splits from it on divide. The ratios are multiplied up
# split by split: SQL has no PRODUCT.
ADJUSTED_CLOSE_8 = """
CREATE VIEW adjusted_close AS
WITH RECURSIVE split AS (
    SELECT source, ticker, session, value,
           ROW_NUMBER() OVER (PARTITION BY source, ticker ORDER BY session DESC) AS number,
           LEAD(session) OVER (PARTITION BY source, ticker ORDER BY session DESC) AS earlier
    FROM corporate_actions WHERE kind = 'split' AND value <> 1
), span (source, ticker, session, earlier, number, ratio) AS (
    SELECT source, ticker, session, earlier, number, value FROM split WHERE number = 1
    UNION ALL
    SELECT s.source, s.ticker, s.session, s.earlier, s.number, later.ratio * s.value
    FROM span later
    JOIN split s ON s.source = later.source AND s.ticker = later.ticker AND s.number = later.number + 1
)
SELECT b.source, b.ticker, b.session, b.close, COALESCE(span.ratio, 1) AS split_ratio,
       b.close / COALESCE(span.ratio, 1) AS adjusted_close
FROM price_bars b
LEFT JOIN span ON span.source = b.source AND span.ticker = b.ticker AND b.session < span.session
 AND (span.earlier IS NULL OR b.session >= span.earlier)
"""

# A ticker of another exchange than the newest run's session has its own newest session: its age tells.
MISSING_FORECASTS_8 = """
CREATE VIEW missing_forecasts AS
SELECT member.source, member.ticker, member.session, member.newest_as_of, member.age_sessions,
       q.reason, q.detail
FROM (
    SELECT u.source, u.ticker, u.as_of AS session, u.age_sessions,
           (SELECT MAX(b.as_of) FROM forecasts b
            WHERE b.source = u.source AND b.ticker = u.ticker) AS newest_as_of
    FROM universes u
    JOIN (SELECT source, MAX(as_of) AS as_of FROM universes GROUP BY source) newest
      ON newest.source = u.source AND newest.as_of = u.as_of
) member
LEFT JOIN quarantines q
  ON q.source = member.source AND q.ticker = member.ticker AND q.as_of = member.session
WHERE member.newest_as_of IS NULL OR member.age_sessions > 0
   OR (member.age_sessions IS NULL AND member.newest_as_of < member.session)
"""

CONTRACT_VERSION_8 = "CREATE VIEW contract_version AS SELECT 3 AS contract_version"

# Each ticker of a source's newest session with its newest bands: a look into the key a ticker.
# Two arms, since not every SQLite looks through a view of all editions. SQLite keeps the order of a
# CROSS JOIN: without it, a query that names the source would walk through all of its bands.
_MEMBER = """
    SELECT u.source, u.ticker, u.age_sessions, i.currency, i.name,
           (SELECT MAX(b.as_of) FROM forecasts b WHERE b.source = u.source AND b.ticker = u.ticker) AS as_of
    FROM universes u
    JOIN (SELECT source, MAX(as_of) AS as_of FROM universes GROUP BY source) newest
      ON newest.source = u.source AND newest.as_of = u.as_of
    LEFT JOIN instruments i ON i.source = u.source AND i.ticker = u.ticker
"""
_IS_OF_FORECAST = "e.source = f.source AND e.ticker = f.ticker AND e.as_of = f.as_of"
_LATEST_ARM = f"""
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at, f.outcomes, f.regime, f.reports_ahead,
       r.kind, member.age_sessions, member.currency, member.name, f.coverage AS nominal_coverage, {{edition}}
FROM ({_MEMBER}) member
CROSS JOIN {{table}} f
JOIN forecast_runs r ON r.run_id = f.run_id
WHERE f.source = member.source AND f.ticker = member.ticker AND f.as_of = member.as_of AND {{condition}}
"""
_FIRST = _LATEST_ARM.format(
    edition="1 AS edition",
    table="forecasts",
    condition=f"NOT EXISTS (SELECT 1 FROM forecast_editions e WHERE {_IS_OF_FORECAST})",
)
_LATER = _LATEST_ARM.format(
    edition="f.edition",
    table="forecast_editions",
    condition=f"f.edition = (SELECT MAX(e.edition) FROM forecast_editions e WHERE {_IS_OF_FORECAST})",
)
LATEST_FORECAST_12 = f"CREATE VIEW latest_forecast AS {_FIRST} UNION ALL {_LATER}"

# For SQLite alone, where a plus means "no index": through the one that begins with the kind it would reach
# every score by itself.
_IS_LIVE = ("a.kind = 'live'", "+a.kind = 'live'")
COVERAGE_BY_HORIZON_12 = COVERAGE_BY_HORIZON_8.replace(*_IS_LIVE)
COVERAGE_BY_TICKER_12 = COVERAGE_BY_TICKER_8.replace(*_IS_LIVE)
CONTRACT_VERSION_12 = "CREATE VIEW contract_version AS SELECT 4 AS contract_version"


FRESHNESS_15 = """
CREATE VIEW freshness AS
SELECT u.source, u.as_of AS session,
       (SELECT MAX(r.issued_at) FROM forecast_runs r
        WHERE r.source = u.source AND r.as_of = u.as_of) AS issued_at,
       COUNT(*) AS tickers, COUNT(*) - COUNT(m.ticker) AS with_bands, COUNT(m.ticker) AS missing
FROM universes u
JOIN (SELECT source, MAX(as_of) AS as_of FROM universes GROUP BY source) newest
  ON newest.source = u.source AND newest.as_of = u.as_of
LEFT JOIN missing_forecasts m ON m.source = u.source AND m.ticker = u.ticker
GROUP BY u.source, u.as_of
"""

CONTRACT_VERSION_16 = "CREATE VIEW contract_version AS SELECT 5 AS contract_version"
