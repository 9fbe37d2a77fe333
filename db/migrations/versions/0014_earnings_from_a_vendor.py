"""Keep who names an earnings date and whether it counts, and the attempts to read dates from a vendor."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ORIGINS = "origin IN ('file', 'sample', 'page', 'events')"
_ORIGIN = "Who names it: file, sample, page or events (Yahoo's two lists); null from old releases"
_COUNTS = "Whether it is used; false where the source names another day of the same report"
_BACKFILL = "UPDATE earnings_dates SET origin = CASE source WHEN 'csv' THEN 'file' ELSE source END"


def upgrade() -> None:
    check = sa.CheckConstraint(_ORIGINS, name=op.f("ck_earnings_dates_origin"))
    op.add_column("earnings_dates", sa.Column("origin", sa.String, check, comment=_ORIGIN))
    op.add_column(
        "earnings_dates",
        sa.Column("counts", sa.Boolean, nullable=False, server_default=sa.true(), comment=_COUNTS),
    )
    op.execute(f"{_BACKFILL} WHERE source IN ('csv', 'sample')")
    op.create_table(
        "earnings_checks",
        sa.Column("source", sa.String, nullable=False, comment="Price source"),
        sa.Column("ticker", sa.String, nullable=False, comment="Symbol"),
        _instant("tried_at", "Start of the run that last asked for dates", nullable=False),
        _instant("read_at", "Start of the run that last read dates; null if none did", nullable=True),
        _text("reason", "Why the last attempt failed; empty where it did not"),
        _text("detail", "A sentence on it"),
        sa.PrimaryKeyConstraint("source", "ticker", name=op.f("pk_earnings_checks")),
        comment="Newest attempt to read the earnings dates of each ticker from a live source",
    )


def downgrade() -> None:
    op.drop_table("earnings_checks")
    op.drop_column("earnings_dates", "counts")
    op.drop_column("earnings_dates", "origin")


def _instant(name: str, comment: str, *, nullable: bool) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _text(name: str, comment: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=False, comment=comment)
