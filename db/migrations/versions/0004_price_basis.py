"""Store the price basis of each run's bands, and the tickers left out of a test or a walk."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHECK = "CONSTRAINT ck_forecast_runs_price_basis CHECK (price_basis IN ('split_adjusted', 'total_return'))"
_COMMENT = "Basis of the bands'' log returns: split_adjusted or total_return"
_LEFT_OUT = "JSON: the reason of each ticker that was left out"
_WITH_LEFT_OUT = ("gate_decisions", "calibrations")
_RUNS = sa.table("forecast_runs", sa.column("model_version"), sa.column("price_basis"))
_MODELS = sa.table("model_versions", sa.column("version"), sa.column("config"))


def upgrade() -> None:
    # In SQL, because SQLite takes a constraint with a new column, and Alembic would add it afterwards.
    kind = f"VARCHAR DEFAULT 'split_adjusted' NOT NULL {_CHECK}"
    op.execute(f"ALTER TABLE forecast_runs ADD COLUMN price_basis {kind}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN forecast_runs.price_basis IS '{_COMMENT}'")
    for table in _WITH_LEFT_OUT:
        column = sa.Column("left_out", sa.Text, nullable=False, server_default="{}", comment=_LEFT_OUT)
        op.add_column(table, column)
    of_total_return = [row.version for row in _read_models() if _read_basis(row.config) == "total_return"]
    if of_total_return:
        runs = sa.update(_RUNS).where(_RUNS.c.model_version.in_(of_total_return))
        op.execute(runs.values(price_basis="total_return"))


def downgrade() -> None:
    for table in _WITH_LEFT_OUT:
        op.drop_column(table, "left_out")
    op.drop_column("forecast_runs", "price_basis")


def _read_models() -> list[sa.Row[tuple[str, str]]]:
    return list(op.get_bind().execute(sa.select(_MODELS.c.version, _MODELS.c.config)))


def _read_basis(config: str) -> str | None:
    """Return the price basis in a model's manifest; None for the random walk, which is split-adjusted."""
    basis: str | None = json.loads(config).get("config", {}).get("price_basis")
    return basis
