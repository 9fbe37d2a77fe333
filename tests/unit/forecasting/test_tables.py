"""Schemas of the frames that cross a boundary, and each way in which a frame can fail one."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_closed, make_rows

from forecasting import tables
from forecasting.errors import TableError, UsageError
from forecasting.tables import CLOSED_BANDS, Kind, Table

SALES = Table(
    "sales",
    {"shop": "text", "day": "session", "count": "integer", "amount": "number"},
    key=("shop", "day"),
)
FRAME = pd.DataFrame(
    {
        "shop": ["A", "A", "B"],
        "day": pd.to_datetime(["2024-06-03", "2024-06-04", "2024-06-03"]),
        "count": [1, 2, 3],
        "amount": [0.5, np.nan, 2.0],
    }
)
SCHEMAS = {name: table for name, table in vars(tables).items() if isinstance(table, Table)}
each_schema = pytest.mark.parametrize("table", SCHEMAS.values(), ids=SCHEMAS)


def test_a_frame_of_the_schema_is_returned_itself() -> None:
    assert SALES.check(FRAME) is FRAME
    assert SALES.names == ["shop", "day", "count", "amount"]


def test_further_columns_and_another_order_pass() -> None:
    SALES.check(FRAME[["amount", "day", "count", "shop"]].assign(remark="x"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda frame: frame.drop(columns=["count", "day"]),
            r"Expected sales with columns shop, day, count, amount, found no day, count\.",
        ),
        (lambda frame: frame.iloc[:0].drop(columns="shop"), r"found no shop\."),
        (lambda frame: frame.assign(shop=[1, 2, 3]), r"with text in shop, found int64\."),
        (lambda frame: frame.assign(day=[1.0, 2.0, 3.0]), r"with session in day, found float64\."),
        (
            lambda frame: frame.assign(day=frame["day"].dt.tz_localize("UTC")),
            r"with session in day, found datetime64\[.*, UTC\]\.",
        ),
        (lambda frame: frame.assign(count=[1.0, 2.0, 3.0]), r"with integer in count, found float64\."),
        (lambda frame: frame.assign(amount=["1", "2", "3"]), r"with number in amount, found str\."),
        (
            lambda frame: frame.assign(shop=0.0, amount=frame["day"]),
            r"with text in shop, number in amount, found float64, datetime64\[.*\]\.",
        ),
        (
            lambda frame: pd.concat([frame, frame.iloc[1:2]]),
            r"with each key once, found A, 2024-06-04 00:00:00 twice\.",
        ),
    ],
    ids=[
        "columns missing",
        "column missing without rows",
        "number for text",
        "number for session",
        "session with a zone",
        "float for integer",
        "text for number",
        "two of another kind",
        "key twice",
    ],
)
def test_each_fault_of_a_frame_is_one_sentence(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    with pytest.raises(TableError, match=sentence) as caught:
        SALES.check(spoil(FRAME))
    assert isinstance(caught.value, UsageError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "accepted",
    [
        {"shop": pd.Categorical(["A", "A", "B"])},
        {"shop": np.array(["A", "A", "B"], object)},
        {"day": [date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 3)]},
        {"day": FRAME["day"].dt.as_unit("s")},
        {"count": np.array([1, 2, 3], np.int8)},
        {"amount": [1, 2, 3]},
        {"amount": np.full(3, np.nan)},
        {"amount": np.array([1, 2, 3], np.float32)},
    ],
    ids=["category", "objects", "dates", "seconds", "small integers", "whole numbers", "unknown", "float32"],
)
def test_every_dtype_that_can_hold_a_kind_passes(accepted: dict[str, object]) -> None:
    SALES.check(FRAME.assign(**accepted))


def test_a_frame_without_rows_may_have_any_dtypes() -> None:
    """An empty query has no dtypes to tell a kind by."""
    SALES.check(pd.DataFrame({name: pd.Series(dtype=object) for name in SALES.names}))


@each_schema
def test_the_empty_frame_of_a_schema_passes_and_joins_without_changing_a_dtype(table: Table) -> None:
    empty = table.check(table.empty())
    assert list(empty.columns) == table.names
    dtypes: dict[Kind, str] = {
        "text": "object",
        "session": "datetime64[s]",
        "number": "float64",
        "integer": "int64",
    }
    assert {name: str(empty[name].dtype) for name in empty} == {
        name: dtypes[kind] for name, kind in table.columns.items()
    }


@each_schema
def test_the_key_of_a_schema_is_made_of_its_columns(table: Table) -> None:
    assert set(table.key) <= set(table.columns)
    assert len(set(table.key)) == len(table.key) > 0


def test_schemas_have_names_of_their_own() -> None:
    assert len({table.name for table in SCHEMAS.values()}) == len(SCHEMAS) == 6


def test_the_synthetic_frames_of_these_tests_pass_their_schemas() -> None:
    assert len(make_closed(2)) == 2 * 12 * 3
    assert len(make_rows(dates=1)) == 3 * 2 * 4 * 19


def test_a_closed_forecast_that_occurs_twice_is_refused() -> None:
    closed = make_closed(2)
    with pytest.raises(TableError, match="closed bands with each key once, found T00, 2020-01-01"):
        CLOSED_BANDS.check(pd.concat([closed, closed.iloc[:1]]))
