"""Tables of closed bands with their scores, and of what became of the closes on the way."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import Band, OutcomeKind, Quality, Regime, RunKind, values

SCORED_BANDS = tuple(sorted(values(Band)))
_ORDERED = "{band}_lower <= {band}_median AND {band}_median <= {band}_upper AND {band}_miss BETWEEN -1 AND 1"
_COMPARED = (
    "that the other bands than the calibrated one were scored with, where a close was corrected after their "
    "quantiles had been pruned; else null"
)


def _score(name: str, comment: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable, comment=comment)


def _band_columns(band: str) -> list[Column[Any]]:
    return [
        _score(f"{band}_lower", f"{band} band: cumulative log return at the lowest level", nullable=True),
        _score(f"{band}_median", f"{band} band: cumulative log return at level 0.5", nullable=True),
        _score(f"{band}_upper", f"{band} band: cumulative log return at the highest level", nullable=True),
        Column(
            f"{band}_miss",
            Integer,
            comment=f"{band} band: -1 if the outcome lies below lower, 1 if above upper, 0 if inside; null "
            "without a score",
        ),
        _score(
            f"{band}_crps",
            f"{band} band: CRPS of the cumulative log return, from the stored levels; null where only the "
            "outermost are known",
            nullable=True,
        ),
    ]


# One row for all bands: a row each would spend half of its bytes on the key and on what all have in common.
# What follows from these numbers alone (interval score, pinball losses) is worked out by the views.
band_outcomes = Table(
    "band_outcomes",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("as_of", Date, primary_key=True, comment="Session whose close the forecast starts from"),
    Column("target_session", Date, primary_key=True, comment="Session that was forecast and has closed"),
    Column("kind", String, primary_key=True, comment="live, backfill, or walk_forward: never issued"),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("quality", String, nullable=False, comment="Rung that made it: champion, previous or baseline"),
    Column("regime", String, comment="Volatility at issue: calm, normal or stress"),
    Column("reports_ahead", Integer, comment="Earnings reports expected from as_of to target_session"),
    _score("nominal_coverage", "Probability between lower and upper"),
    _score("actual_log_return", "Log return from as_of to target_session, on the price basis of the run"),
    _score("actual_close", "Close of target_session in units of as_of; null if never issued", nullable=True),
    Column("scored_at", UtcDateTime, nullable=False, comment="Start of the run that scored it, UTC"),
    _score("compared_log_return", f"actual_log_return {_COMPARED}", nullable=True),
    _score("compared_close", f"actual_close {_COMPARED}", nullable=True),
    Column("compared_at", UtcDateTime, comment=f"scored_at {_COMPARED}"),
    *(column for band in SCORED_BANDS for column in _band_columns(band)),
    one_of("kind", OutcomeKind),
    one_of("quality", Quality),
    one_of("regime", Regime),
    CheckConstraint("nominal_coverage > 0 AND nominal_coverage < 1", name="nominal_bounds"),
    *(CheckConstraint(_ORDERED.format(band=band), name=band) for band in SCORED_BANDS),
    sqlite_with_rowid=False,  # with one, SQLite keeps every key twice
    comment="Outcomes of forecasts whose target session has closed, with the scores of each band; the view "
    "verifications shows a row for each",
)
sa.Index(  # covers the queries of readers: misses and coverage of a span of sessions
    "ix_band_outcomes_misses",
    *(band_outcomes.c[name] for name in ("source", "kind", "target_session", "ticker", "as_of", "horizon")),
    *(band_outcomes.c[f"{band}_miss"] for band in SCORED_BANDS),
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
    sqlite_with_rowid=False,  # with one, SQLite keeps every key twice
    comment="What became of the closes that the odds of a forecast are about",
)
