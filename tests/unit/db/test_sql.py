"""Conversion of pandas and numpy values at the boundary, and the guarded upsert."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from db.engine import writing
from db.schema import forecasts, instruments, price_bars, quarantines
from db.sql import to_plain, upsert
from forecasting.errors import StoreError

PLAIN = (bool, int, float, str, bytes, date, datetime, type(None))
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]
SEEN_AT = datetime(2024, 1, 2, 22, tzinfo=UTC)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    hnp.arrays(hnp.scalar_dtypes(), ()).map(lambda array: array[()]),
    st.integers(-(10**18), 10**18).map(pd.Timestamp),
    st.sampled_from([pd.NaT, pd.NA, np.datetime64("NaT")]),
)


@given(SCALARS)
def test_whatever_goes_in_comes_out_plain_and_finite_or_is_refused(value: Any) -> None:
    try:
        made = to_plain(value)
    except StoreError:
        assert not isinstance(value, PLAIN) or (isinstance(value, float) and math.isinf(value))
        return
    assert type(made) in PLAIN
    assert not isinstance(made, float) or math.isfinite(made)
    assert to_plain(made) == made


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_keep_every_bit(value: Any) -> None:
    assert to_plain(np.float64(value)) == value
    assert str(to_plain(np.float64(value))) == str(value)  # the sign of zero too


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_sessions_become_dates(day: date) -> None:
    assert to_plain(pd.Timestamp(day)) == to_plain(np.datetime64(day, "ns")) == day
    assert type(to_plain(pd.Timestamp(day))) is date


def test_instants_keep_their_zone() -> None:
    assert to_plain(pd.Timestamp("2024-01-02", tz="UTC")) == datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [math.inf, -np.inf, np.float32("inf"), [1.0], object(), timedelta(1), {"a": math.inf}]
)
def test_refused(value: Any) -> None:
    with pytest.raises(StoreError, match="Expected a finite number, text, date or bytes"):
        to_plain(value)


def test_numpy_numbers_land_as_numbers(engine: sa.Engine) -> None:
    upsert_all(engine, instruments, [{"ticker": "A", "source": "s", "first_seen_at": SEEN_AT}])
    bar = {"ticker": "A", "source": "s", "session": pd.Timestamp("2024-01-02"), "first_seen_at": SEEN_AT}
    upsert_all(engine, price_bars, [{**bar, "close": np.float32(2), "volume": np.int64(7), "open": np.nan}])
    typeof = "typeof" if engine.dialect.name == "sqlite" else "pg_typeof"
    with writing(engine) as connection:
        found = connection.execute(
            sa.text(f"SELECT close, volume, open, {typeof}(volume) FROM price_bars")
        ).one()
    assert tuple(found) == (2.0, 7.0, None, "real" if engine.dialect.name == "sqlite" else "double precision")


@pytest.mark.parametrize("close", [None, math.nan, 0.0, -1.0, 1e12])
def test_impossible_closes_are_refused_by_the_database(engine: sa.Engine, close: float | None) -> None:
    upsert_all(engine, instruments, [{"ticker": "A", "source": "s", "first_seen_at": SEEN_AT}])
    bar = {
        "ticker": "A",
        "source": "s",
        "session": date(2024, 1, 2),
        "close": close,
        "first_seen_at": SEEN_AT,
    }
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(price_bars.insert(), [bar])  # past the boundary: NaN reaches the database


def test_bars_of_an_unknown_ticker_are_refused(engine: sa.Engine) -> None:
    bar = {"ticker": "A", "source": "s", "session": date(2024, 1, 2), "close": 1.0, "first_seen_at": SEEN_AT}
    with pytest.raises(sa.exc.IntegrityError):
        upsert_all(engine, price_bars, [bar])


def test_upsert_updates_what_differs_in_a_guarded_column_only(engine: sa.Engine, dump: Dump) -> None:
    row = {"source": "s", "ticker": "A", "as_of": date(2024, 1, 2), "reason": "stale", "detail": "d"}
    later = SEEN_AT + timedelta(hours=1)
    for seen_at, detail in [(SEEN_AT, "d"), (later, "d")]:
        upsert_all(engine, quarantines, [{**row, "seen_at": seen_at, "detail": detail}], guarded=("detail",))
        assert dump()["quarantines"][0][-2:] == ("d", SEEN_AT)
    upsert_all(engine, quarantines, [{**row, "seen_at": later, "detail": "e"}], guarded=("detail",))
    assert dump()["quarantines"][0][-2:] == ("e", later)
    upsert_all(engine, quarantines, [{**row, "seen_at": later, "detail": "f"}])
    assert dump()["quarantines"][0][-2:] == ("e", later)


def test_no_rows_are_no_statement(engine: sa.Engine) -> None:
    upsert_all(engine, forecasts, [])


def upsert_all(
    engine: sa.Engine, table: sa.Table, rows: list[dict[str, Any]], guarded: Sequence[str] = ()
) -> None:
    with writing(engine) as connection:
        upsert(connection, table, rows, guarded=guarded)
