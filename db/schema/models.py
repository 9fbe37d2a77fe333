"""Tables of models, of the decisions on promoting them, and of calibrations.

SQL names are those that users know; a `key` is the name in Python where that differs.
"""

import sqlalchemy as sa
from sqlalchemy import Column, Date, Double, Integer, LargeBinary, String, Table, Text

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import ModelStatus

model_versions = Table(
    "model_versions",
    metadata,
    Column("version", String, primary_key=True, comment="Name, a function of training data and weights"),
    Column("source", String, nullable=False, comment="Price source: yahoo, csv or sample"),
    Column("trained_through", Date, nullable=False, comment="Last session that training or validation saw"),
    Column("weights", LargeBinary, nullable=False, comment="safetensors bytes"),
    Column("config", Text, nullable=False, comment="JSON that rebuilds the network and its features"),
    Column("metrics", sa.JSON, nullable=False, comment="Measured on the validation sessions"),
    Column("data_fingerprint", String, nullable=False, comment="Hash of the prices that it was trained on"),
    Column("created_at", UtcDateTime, nullable=False, comment="When it was trained, UTC"),
    Column(
        "status",
        String,
        nullable=False,
        comment="candidate, champion, retired (once champion), refused, or baseline (the random walk)",
    ),
    Column(
        "gated_as_of",
        Date,
        key="evaluated_through",
        comment="Last session of its promotion test; null where it passed none",
    ),
    one_of("status", ModelStatus),
    comment="Trained models, at most one champion a source, and the random walk as baseline",
)
sa.Index(
    "uq_model_versions_champion",
    model_versions.c.source,
    unique=True,
    sqlite_where=model_versions.c.status == "champion",
    postgresql_where=model_versions.c.status == "champion",
)


def _left_out() -> Column[str]:
    comment = "JSON: the reason of each ticker that was left out"
    return Column("left_out", Text, nullable=False, server_default="{}", comment=comment)


HAS_WEIGHTS = sa.func.length(model_versions.c.weights) > 0  # none are left where they were pruned

calibrations = Table(
    "calibrations",
    metadata,
    Column("calibration_id", String, primary_key=True, comment="A digest of source, as_of and state"),
    Column("source", String, nullable=False, comment="Price source: yahoo, csv or sample"),
    Column("as_of", Date, nullable=False, comment="No outcome of a later session went in"),
    Column("state", Text, nullable=False, comment="JSON"),
    Column("outcomes", Integer, key="n_outcomes", nullable=False, comment="Closed outcomes that it rests on"),
    Column("code_version", String, nullable=False, comment="Release and commit of bandcast"),
    Column("created_at", UtcDateTime, nullable=False, comment="When it was fitted, UTC"),
    _left_out(),
    comment="What calibration had learned, session by session",
)


def _score(name: str, comment: str, *, key: str | None = None, nullable: bool = False) -> Column[float]:
    return Column(name, Double, key=key or name, nullable=nullable, comment=comment)


gate_decisions = Table(
    "gate_decisions",
    metadata,
    Column("decision_id", String, primary_key=True, comment="A digest of what was compared"),
    Column("source", String, nullable=False, comment="Price source: yahoo, csv or sample"),
    Column("as_of", Date, nullable=False, comment="Last session that the comparison saw"),
    Column("candidate", String, key="challenger", nullable=False, comment="Model that was tested"),
    Column("champion", String, comment="Null where none served: the random walk was the measure"),
    Column("decided_at", UtcDateTime, nullable=False, comment="Time of the decision, UTC"),
    Column("promoted", sa.Boolean, nullable=False, comment="True if the candidate became champion"),
    Column("reason", Text, nullable=False, comment="Sentence that gives the reason"),
    _score(
        "candidate_crps",
        "Mean over horizons, each in units of the random walk's mean",
        key="challenger_crps",
    ),
    _score("champion_crps", "As candidate_crps", nullable=True),
    _score("floor_crps", "Mean CRPS of the random walk, in log returns", key="reference_crps"),
    _score("difference", "Candidate minus champion (or floor), relative to it"),
    _score("lower", "Lower bound of the difference"),
    _score("upper", "Upper bound of the difference"),
    _score("tolerance", "Upper bound at which an old champion is renewed"),
    Column("dates", Integer, nullable=False, comment="Held-out dates compared"),
    Column("forecasts", Integer, nullable=False, comment="Outcomes compared: date, ticker and horizon"),
    _left_out(),
    sa.ForeignKeyConstraint(
        ["challenger"], ["model_versions.version"], name="fk_gate_decisions_candidate_model_versions"
    ),
    sa.ForeignKeyConstraint(
        ["champion"], ["model_versions.version"], name="fk_gate_decisions_champion_model_versions"
    ),
    comment="Whether a new model was let in, and why",
)
