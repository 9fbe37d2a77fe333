"""Store earnings dates, with when each was known."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIMES = "report_time IN ('before_open', 'after_close', 'unknown')"


def upgrade() -> None:
    op.create_table(
        "earnings_dates",
        sa.Column("source", sa.String, nullable=False, comment="Price source: yahoo, csv or sample"),
        sa.Column("ticker", sa.String, nullable=False, comment="Symbol"),
        sa.Column("report_date", sa.Date, nullable=False, comment="Day of the report, at the exchange"),
        _instant("first_seen", "Start of the first run that knew it", nullable=False),
        _instant(
            "withdrawn_at", "Start of the first run that no longer did; null while known", nullable=True
        ),
        sa.Column("report_time", sa.String, nullable=False, comment="before_open, after_close or unknown"),
        sa.Column(
            "known_since",
            sa.Date,
            comment="First day on which the date was known, where the source states it",
        ),
        sa.CheckConstraint(_TIMES, name=op.f("ck_earnings_dates_report_time")),
        sa.PrimaryKeyConstraint(
            "source", "ticker", "report_date", "first_seen", name=op.f("pk_earnings_dates")
        ),
        comment="Earnings dates of tickers as the source gave them, with when each was known to the runs",
    )


def downgrade() -> None:
    op.drop_table("earnings_dates")


def _instant(name: str, comment: str, *, nullable: bool) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)
