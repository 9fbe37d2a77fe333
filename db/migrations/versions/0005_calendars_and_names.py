"""Store closures and openings of exchanges, and the name and first trade date of instruments."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = ("source", "calendar", "session", "kind", "known_since")
_CHECKS = {"kind": "kind IN ('closure', 'opening')", "origin": "origin IN ('found', 'setting')"}


def upgrade() -> None:
    name = sa.Column("name", sa.String, comment="Of the company, index or fund, in the source's words")
    op.add_column("instruments", name)
    first_trade = sa.Column(
        "first_trade_date", sa.Date, comment="Of the instrument, as the source reports it"
    )
    op.add_column("instruments", first_trade)
    op.create_table(
        "calendar_changes",
        sa.Column("source", sa.String, nullable=False, comment="Price source: yahoo, csv or sample"),
        sa.Column("calendar", sa.String, nullable=False, comment="Exchange calendar code"),
        sa.Column("session", sa.Date, nullable=False, comment="The day"),
        sa.Column("kind", sa.String, nullable=False, comment="closure, or opening"),
        _instant("known_since", "Start of the first run that knew it", nullable=False),
        _instant(
            "withdrawn_at", "Start of the first run that no longer did; null while known", nullable=True
        ),
        sa.Column("origin", sa.String, nullable=False, comment="found in the prices, or given by a setting"),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_calendar_changes_{name}"))
            for name, rule in _CHECKS.items()
        ),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_calendar_changes")),
        comment="Closures and openings of exchanges that the installed calendars lack, with when they were "
        "known",
    )


def downgrade() -> None:
    op.drop_table("calendar_changes")
    for name in ("first_trade_date", "name"):
        op.drop_column("instruments", name)


def _instant(name: str, comment: str, *, nullable: bool) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)
