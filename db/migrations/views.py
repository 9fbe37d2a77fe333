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
