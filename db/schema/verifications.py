"""What became of each band."""

from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata
from db.types import UtcDateTime


def _measured(name: str, comment: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable, comment=comment)


verifications = Table(
    "verifications",
    metadata,
    Column("source", String, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("target_session", Date, primary_key=True),
    Column("method", String, primary_key=True, comment="The band that is scored"),
    Column("kind", String, primary_key=True, comment="live, backfill, or walk_forward: never issued"),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("quality", String, nullable=False, comment="Rung that made it: champion, previous or baseline"),
    Column("regime", String, comment="Volatility at issue: calm, normal or stress"),
    _measured("nominal", "Probability between lower and upper"),
    _measured("lower", "Cumulative log return at the lowest level"),
    _measured("median", "Cumulative log return at level 0.5"),
    _measured("upper", "Cumulative log return at the highest level"),
    _measured("actual_log_return", "What happened, on the price basis of as_of"),
    Column("inside", Integer, nullable=False, comment="1 or 0"),
    Column("below", Integer, nullable=False, comment="1 or 0"),
    Column("above", Integer, nullable=False, comment="1 or 0"),
    _measured("crps", "From the stored levels; null where only the outermost are known", nullable=True),
    _measured("winkler", "Interval score of lower and upper"),
    _measured("pinball_lower", "Of the lowest level"),
    _measured("pinball_upper", "Of the highest level"),
    Column("scored_at", UtcDateTime, nullable=False),
    CheckConstraint("method IN ('calibrated', 'predictive', 'mc_dropout', 'random_walk')", name="method"),
    CheckConstraint("kind IN ('live', 'backfill', 'walk_forward')", name="kind"),
    CheckConstraint("quality IN ('champion', 'previous', 'baseline')", name="quality"),
    CheckConstraint("regime IN ('calm', 'normal', 'stress')", name="regime"),
    CheckConstraint("inside + below + above = 1", name="one_of_three"),
    CheckConstraint("lower <= median AND median <= upper", name="ordered"),
    CheckConstraint("nominal > 0 AND nominal < 1", name="nominal_bounds"),
    comment="Bands whose target session has closed, with their scores: lower is better",
)
