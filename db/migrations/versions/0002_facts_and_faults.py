"""What a symbol stands for, since when an action is no longer told, and what a run left out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FACTS = {
    "currency": "Of the prices, as the source writes it",
    "kind": "Such as EQUITY, in the source's word",
    "zone": "Time zone that the source dates sessions in",
}


def upgrade() -> None:
    for name, comment in _FACTS.items():
        op.add_column("instruments", sa.Column(name, sa.String, comment=comment))
    since = "First pull that no longer told it; null while it is told"
    op.add_column("corporate_actions", sa.Column("missing_since", sa.DateTime(timezone=True), comment=since))
    left_out = "JSON: the reason of each ticker that was left out"
    op.add_column("forecast_runs", sa.Column("quarantined", sa.Text, comment=left_out))


def downgrade() -> None:
    op.drop_column("forecast_runs", "quarantined")
    op.drop_column("corporate_actions", "missing_since")
    for name in _FACTS:
        op.drop_column("instruments", name)
