"""Views of closed bands, as text for both databases.

A text that has been released is history, as in `db.migrations.views`.
"""

from collections.abc import Mapping

from db.migrations.condition_views import ALL_COVERAGE_BY_CONDITION_13
from db.migrations.views import (
    ALL_COVERAGE_BY_HORIZON_8,
    ALL_COVERAGE_BY_TICKER_8,
    ALL_PINBALL_BY_LEVEL_8,
    BESIDE_RANDOM_WALK,
)

BANDS_17 = ("calibrated", "mc_dropout", "predictive", "random_walk")
_STORED = ("lower", "median", "upper", "miss", "crps")
_COMPARED = {
    "actual_log_return": "compared_log_return",
    "actual_close": "compared_close",
    "scored_at": "compared_at",
}


def _select(tables: str, method: str, values: Mapping[str, str]) -> str:
    """Select a row o of `band_outcomes` for a method, with values of its own; null where it has none."""
    own = ", ".join(f"{value} AS {name}" for name, value in values.items())
    return f"""
        SELECT o.source, o.ticker, o.as_of, o.target_session, {method} AS method, o.kind, o.horizon,
               o.quality, o.regime, o.reports_ahead, o.nominal_coverage AS nominal, o.random_walk_crps, {own}
        FROM {tables}"""


def _select_band(band: str) -> str:
    """Select the scores of one band; those of comparison bands may be of an earlier outcome."""
    facts = {fact: f"o.{fact}" for fact in _COMPARED}
    if band != "calibrated":
        facts = {fact: _choose_fact(fact) for fact in _COMPARED}
    return _select("band_outcomes o", f"'{band}'", {name: f"o.{band}_{name}" for name in _STORED} | facts)


def _select_every_band() -> str:
    """Select the scores of all bands: each row meets them."""
    methods = " UNION ALL ".join(f"SELECT '{band}' AS method" for band in BANDS_17)
    scores = {name: _choose_score(name) for name in _STORED}
    facts = {fact: _choose_fact(fact, "b.method <> 'calibrated' AND ") for fact in _COMPARED}
    return _select(f"band_outcomes o CROSS JOIN ({methods}) b", "b.method", scores | facts)


def _choose_score(name: str) -> str:
    arms = " ".join(f"WHEN '{band}' THEN o.{band}_{name}" for band in BANDS_17)
    return f"CASE b.method {arms} END"


def _choose_fact(fact: str, condition: str = "") -> str:
    return f"CASE WHEN {condition}o.compared_at IS NOT NULL THEN o.{_COMPARED[fact]} ELSE o.{fact} END"


# The scores that follow from others are worked out step by step as in forecasting.evaluation.metrics, to the
# same bits; a level is that of the edge.
def _write_winkler(lower: str, upper: str, nominal: str) -> str:
    """Write the interval score of a band of the row v."""
    return f"""{upper} - {lower} + 2 / (1 - {nominal})
               * (CASE WHEN v.actual_log_return < {lower} THEN {lower} - v.actual_log_return
                       WHEN v.actual_log_return > {upper} THEN v.actual_log_return - {upper} ELSE 0 END)"""


def _write_pinball(edge: str, level: str) -> str:
    """Write the pinball loss of an edge of the row v."""
    error = f"(v.actual_log_return - v.{edge})"
    return f"CASE WHEN {error} > 0 THEN {level} * {error} ELSE ({level} - 1) * {error} END"


def _add_scores(bands: str) -> str:
    """Select the bands that have scores with all of them."""
    return f"""
        SELECT v.*,
               CASE v.miss WHEN 0 THEN 1 ELSE 0 END AS inside,
               CASE v.miss WHEN -1 THEN 1 ELSE 0 END AS below,
               CASE v.miss WHEN 1 THEN 1 ELSE 0 END AS above,
               {_write_winkler("v.lower", "v.upper", "v.nominal")} AS winkler,
               {_write_pinball("lower", "(100 - 100 * v.nominal) / 200")} AS pinball_lower,
               {_write_pinball("upper", "(100 + 100 * v.nominal) / 200")} AS pinball_upper
        FROM ({bands}) v
        WHERE v.miss IS NOT NULL"""


_ARMS = [_select_band(band) for band in BANDS_17]
_VERIFICATIONS = """
CREATE VIEW verifications AS
SELECT v.source, v.ticker, v.as_of, v.target_session, v.method, v.kind, v.horizon, v.quality, v.regime,
       v.reports_ahead, v.nominal, v.lower, v.median, v.upper, v.actual_log_return, v.inside, v.below,
       v.above, v.crps, v.winkler, v.pinball_lower, v.pinball_upper, v.scored_at, v.actual_close
FROM ({scores}) v
"""
# Each database finds the newest session of a band, and its misses, in the index alone in one of two forms:
# PostgreSQL where each band is an arm without a condition of its own, SQLite where each row meets the bands,
# in the order of a CROSS JOIN.
VERIFICATIONS_17 = _VERIFICATIONS.format(scores=_add_scores(" UNION ALL ".join(_ARMS)))
VERIFICATIONS_ON_SQLITE_17 = _VERIFICATIONS.format(scores=_add_scores(_select_every_band()))

FORECAST_WITH_OUTCOME_17 = f"""
CREATE VIEW forecast_with_outcome AS
SELECT f.source, f.ticker, f.as_of, f.target_session, f.horizon, f.anchor_close, f.lower, f.median, f.upper,
       f.coverage, f.quality, f.model_version, f.issued_at, f.run_id, f.model_variance, f.noise_variance,
       f.outcomes, f.regime, f.reports_ahead, r.kind, v.actual_close, v.actual_log_return,
       CASE WHEN v.calibrated_miss = 0 THEN 1 WHEN v.calibrated_miss <> 0 THEN 0 END AS inside,
       f.coverage AS nominal_coverage,
       CASE WHEN v.calibrated_miss = -1 THEN 1 WHEN v.calibrated_miss <> -1 THEN 0 END AS below,
       CASE WHEN v.calibrated_miss = 1 THEN 1 WHEN v.calibrated_miss <> 1 THEN 0 END AS above,
       v.calibrated_crps AS crps,
       {_write_winkler("v.calibrated_lower", "v.calibrated_upper", "v.nominal_coverage")} AS winkler
FROM forecasts f
JOIN forecast_runs r ON r.run_id = f.run_id
LEFT JOIN band_outcomes v
  ON v.source = f.source AND v.ticker = f.ticker AND v.as_of = f.as_of
 AND v.target_session = f.target_session AND v.kind = r.kind AND v.calibrated_miss IS NOT NULL
"""


def _average_each(text: str) -> str:
    """Rewrite a view of averages: an arm a band, so that SQLite sorts the columns of one band alone."""
    start, select = text.replace("w.crps", "v.random_walk_crps").split(" AS\n", 1)
    arms = (select.replace(BESIDE_RANDOM_WALK, f"FROM ({_add_scores(arm)}) v") for arm in _ARMS)
    return f"{start} AS\n" + "UNION ALL\n".join(arms)


ALL_COVERAGE_BY_HORIZON_17, ALL_COVERAGE_BY_TICKER_17, ALL_COVERAGE_BY_CONDITION_17 = map(
    _average_each, (ALL_COVERAGE_BY_HORIZON_8, ALL_COVERAGE_BY_TICKER_8, ALL_COVERAGE_BY_CONDITION_13)
)
ALL_PINBALL_BY_LEVEL_17 = ALL_PINBALL_BY_LEVEL_8.replace(
    "FROM verifications v", f"FROM ({_select_every_band()}) v"
).replace("WHERE v.kind IN", "WHERE v.miss IS NOT NULL AND v.kind IN")
