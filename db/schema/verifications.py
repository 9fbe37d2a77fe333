"""Tables of closed bands with their scores, and of what became of the closes on the way.

SQL names are those that users know; a `key` is the name in Python where that differs.
"""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import Band, OutcomeKind, Quality, Regime, RunKind


def _score(name: str, comment: str, *, key: str | None = None, nullable: bool = False) -> Column[float]:
    return Column(name, Double, key=key or name, nullable=nullable, comment=comment)


verifications = Table(
    "verifications",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("as_of", Date, primary_key=True, comment="Session whose close the forecast starts from"),
    Column("target_session", Date, primary_key=True, comment="Session that was forecast and has closed"),
    Column("method", String, key="band", primary_key=True, comment="The band that is scored"),
    Column("kind", String, primary_key=True, comment="live, backfill, or walk_forward: never issued"),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("quality", String, nullable=False, comment="Rung that made it: champion, previous or baseline"),
    Column("regime", String, comment="Volatility at issue: calm, normal or stress"),
    Column("reports_ahead", Integer, comment="Earnings reports expected from as_of to target_session"),
    _score("nominal", "Probability between lower and upper", key="nominal_coverage"),
    _score("lower", "Cumulative log return at the lowest level"),
    _score("median", "Cumulative log return at level 0.5"),
    _score("upper", "Cumulative log return at the highest level"),
    _score("actual_log_return", "Log return from as_of to target_session, on the price basis of the run"),
    Column("inside", Integer, nullable=False, comment="1 if the outcome lies from lower to upper, else 0"),
    Column("below", Integer, nullable=False, comment="1 if the outcome lies below lower, else 0"),
    Column("above", Integer, nullable=False, comment="1 if the outcome lies above upper, else 0"),
    _score(
        "crps",
        "CRPS of the cumulative log return, from the stored levels; null where only the outermost are known",
        nullable=True,
    ),
    _score("winkler", "Interval score of lower and upper, in log returns"),
    _score("pinball_lower", "Pinball loss of the lowest level, in log returns"),
    _score("pinball_upper", "Pinball loss of the highest level, in log returns"),
    Column("scored_at", UtcDateTime, nullable=False, comment="Start of the run that scored it, UTC"),
    _score("actual_close", "Close of target_session in units of as_of; null if never issued", nullable=True),
    one_of("method", Band),
    one_of("kind", OutcomeKind),
    one_of("quality", Quality),
    one_of("regime", Regime),
    CheckConstraint("inside + below + above = 1", name="one_of_three"),
    CheckConstraint("lower <= median AND median <= upper", name="ordered"),
    CheckConstraint("nominal > 0 AND nominal < 1", name="nominal_bounds"),
    comment="Bands whose target session has closed, with their scores: lower is better",
)
_SCORE = ("kind", "target_session", "inside", "source", "ticker", "as_of", "horizon")
sa.Index(  # of what readers ask: misses and coverage of a span of sessions
    "ix_verifications_calibrated",
    *(verifications.c[name] for name in _SCORE),
    sqlite_where=verifications.c.band == "calibrated",
    postgresql_where=verifications.c.band == "calibrated",
)

path_outcomes = Table(
    "path_outcomes",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
    Column("horizon", Integer, primary_key=True, comment="Sessions after as_of that the odds span"),
    Column("target_session", Date, nullable=False, comment="Last session that the odds span"),
    Column("kind", String, nullable=False, comment="live or backfill"),
    _score("highest", "Highest close up to target_session, as a move from the anchor close"),
    _score("lowest", "Lowest close up to target_session, as a move from the anchor close"),
    _score("drawdown", "Largest fall from an earlier close, the anchor included, as a share of it"),
    Column("scored_at", UtcDateTime, nullable=False, comment="Start of the run that scored it, UTC"),
    sa.ForeignKeyConstraint(
        ["source", "ticker", "as_of", "horizon"],
        ["forecasts.source", "forecasts.ticker", "forecasts.as_of", "forecasts.horizon"],
        ondelete="CASCADE",
    ),
    CheckConstraint("lowest > -1 AND lowest <= highest", name="ordered"),
    CheckConstraint("drawdown >= 0 AND drawdown < 1", name="drawdown_bounds"),
    one_of("kind", RunKind),
    comment="What became of the closes that the odds of a forecast are about",
)
