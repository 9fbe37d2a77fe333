"""The metadata and the constraints that all tables share."""

from typing import Any

import sqlalchemy as sa

from forecasting.types import values

FORECAST_ROW = ("source", "ticker", "as_of", "target_session")  # names one horizon of a forecast

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, vocabulary: Any) -> sa.CheckConstraint:
    """Build the CHECK that a column holds a word of a closed vocabulary; it is named after the column.

    Args:
        column: SQL name of the column.
        vocabulary: A `Literal` of `forecasting.types`.
    """
    words = ", ".join(f"'{word}'" for word in values(vocabulary))
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)
