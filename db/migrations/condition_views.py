"""Views of coverage by regime and report, and of the odds of the way, as text for both databases.

A text that has been released is history, as in `db.migrations.views`.
"""

from db.migrations.views import BESIDE_RANDOM_WALK, SHARES

ALL_COVERAGE_BY_CONDITION_13 = f"""
CREATE VIEW all_coverage_by_condition AS
SELECT v.source, v.method AS band, v.kind, v.nominal AS nominal_coverage, v.horizon, v.regime,
       CASE WHEN v.reports_ahead > 0 THEN 'with' WHEN v.reports_ahead = 0 THEN 'without' END AS report,
       {SHARES}
{BESIDE_RANDOM_WALK}
GROUP BY v.source, v.method, v.kind, v.nominal, v.horizon, v.regime,
         CASE WHEN v.reports_ahead > 0 THEN 'with' WHEN v.reports_ahead = 0 THEN 'without' END
"""

# A sum of comparisons: casts of numbers to integers cut on one database and round on the other.
_TENTH = " + ".join(f"CASE WHEN o.value >= {step / 10} THEN 1 ELSE 0 END" for step in range(1, 10))
_CLOSED_ODDS = """
FROM path_outcomes p
JOIN path_odds o
  ON o.source = p.source AND o.ticker = p.ticker AND o.as_of = p.as_of AND o.horizon = p.horizon
"""
ALL_TOUCHES_BY_TENTH_13 = f"""
CREATE VIEW all_touches_by_tenth AS
SELECT p.source, p.kind, p.horizon, {_TENTH} AS tenth, COUNT(*) AS outcomes,
       AVG(o.value) AS mean_probability,
       AVG(CAST(CASE WHEN o.level > 0 AND p.highest >= o.level THEN 1
                     WHEN o.level < 0 AND p.lowest <= o.level THEN 1
                     ELSE 0 END AS DOUBLE PRECISION)) AS touched
{_CLOSED_ODDS}
WHERE o.statistic = 'touch'
GROUP BY p.source, p.kind, p.horizon, {_TENTH}
"""
ALL_DRAWDOWNS_BY_LEVEL_13 = f"""
CREATE VIEW all_drawdowns_by_level AS
SELECT p.source, p.kind, p.horizon, o.level, COUNT(*) AS outcomes,
       AVG(CAST(CASE WHEN p.drawdown <= o.value THEN 1 ELSE 0 END AS DOUBLE PRECISION)) AS at_or_below
{_CLOSED_ODDS}
WHERE o.statistic = 'drawdown'
GROUP BY p.source, p.kind, p.horizon, o.level
"""

COVERAGE_BY_CONDITION_13, TOUCHES_BY_TENTH_13, DRAWDOWNS_BY_LEVEL_13 = (
    f"CREATE VIEW {name} AS SELECT a.* FROM all_{name} a WHERE a.kind = 'live'"
    for name in ("coverage_by_condition", "touches_by_tenth", "drawdowns_by_level")
)
