"""The rows of a query as a data frame."""

from typing import Any

import pandas as pd
import sqlalchemy as sa


def frame(conn: sa.Connection, query: sa.Select[tuple[Any, ...]], **parameters: object) -> pd.DataFrame:
    """A column each, named as in the query."""
    result = conn.execute(query, parameters)
    # Plain tuples: pandas asks each row whether it is a dataclass, and SQLAlchemy's own take long to say no.
    return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
