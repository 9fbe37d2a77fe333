"""Whatever a file holds, it is read or refused in one sentence."""

import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from price_files import write_prices
from synthetic_prices import AS_OF, make_history

from flows.doctor.price_files import check_price_files
from flows.sources import CsvSource
from forecasting.calendars.exchanges import calendar_name
from forecasting.calendars.sessions import _build, sessions_between
from forecasting.errors import PriceError
from forecasting.prices.history import PriceHistory

NOW = datetime(2024, 7, 5, tzinfo=UTC)
CELLS = (
    "", "-", "null", "NaN", "inf", "-1", "0", "1e12", "1e-12", "1,5", "1.234,5", "$9", "9 USD", "9%", "２０",
    "2109-12-31", "0001-01-01", "1969-12-31", "2024-06-31", "31/12/2019", "12/31/2019 16:00", "20240605",
    "2024-06-05T00:00:00Z", "1717545600", "=1+1", '"', "\x00", "\x1b[31m", "a" * 200_000, "\N{BELL}",
)  # fmt: skip
HEADERS = ("date", "Close", "close", "Adj Close", "Price", "Split Ratio", "", "<CLOSE>", "time", "\ufeffdate")


def spoil(text: str, rng: random.Random) -> bytes:
    """Change a few cells, rows, headers or bytes of a file."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.randint(1, 4)):
        row = rng.choice(rows)
        change = rng.randrange(8)
        if change < 3:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
        elif change == 3:
            rows[0][rng.randrange(len(rows[0]))] = rng.choice(HEADERS)
        elif change == 4:
            rows.insert(rng.randrange(1, len(rows)), list(row))
        elif change == 5:
            del row[rng.randrange(len(row)) :]
        elif change == 6:
            rows[1:] = rows[:0:-1] if rng.random() < 0.5 else rng.sample(rows[1:], len(rows) - 1)
        else:
            column, cell = rng.randrange(len(row)), rng.choice(CELLS)
            for other in rows[1:]:
                other[column : column + 1] = [cell]
    joined = rng.choice([",", ";", "\t"]).join
    content = rng.choice(["\n", "\r\n", "\r"]).join(joined(row) for row in rows)
    return content.encode(rng.choice(["utf-8", "utf-16", "utf-8-sig", "utf-32"]), "surrogatepass")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good file of 40 rows."""
    folder = tmp_path_factory.mktemp("good")
    history = make_history("GOOD", 300, seed=1)
    write_prices(folder, PriceHistory("GOOD", history.bars.iloc[-40:], history.actions))
    return (folder / "GOOD.csv").read_text()


def fetch(folder: Path) -> PriceHistory | PriceError:
    """Read the file; a refusal is returned."""
    try:
        return CsvSource(folder, NOW).fetch("GOOD", None, AS_OF)
    except PriceError as error:
        return error


@examples(100)
@given(seed=st.integers(0, 2**32))
def test_a_spoilt_file_is_read_or_refused_in_one_sentence(
    text: str, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    (folder / "GOOD.csv").write_bytes(spoil(text, random.Random(seed)))  # no secret
    outcome = fetch(folder)
    if isinstance(outcome, PriceError):
        assert len(str(outcome).splitlines()) == 1
        assert len(str(outcome)) < 600
        return
    assert (outcome.bars["close"] > 0).all()
    assert outcome.bars.index.is_monotonic_increasing


def test_a_folder_is_checked_file_by_file_and_nothing_is_written(tmp_path: Path) -> None:
    for seed, ticker in enumerate(("AAA", "BBB")):
        write_prices(tmp_path, make_history(ticker, 300, seed))
    (tmp_path / "BAD.csv").write_text("date,close\n2024-06-05,ten\n")
    (tmp_path / "OLD.SX.csv").write_text("date,close\n2024-06-05,10\n")
    (tmp_path / "lower.csv").write_text("date,close\n2024-06-05,10\n")
    (tmp_path / "earnings.csv").write_text("ticker,date\nAAA,2024-05-01\nAAA,2024-02-01\nBBB,soon\n")
    before = sorted(tmp_path.iterdir())
    checks = {check.file: check for check in check_price_files(tmp_path, NOW)}
    assert {name: check.reason for name, check in checks.items()} == {
        "AAA.csv": "",
        "BBB.csv": "",
        "BAD.csv": "bad_bars",
        "OLD.SX.csv": "unknown_exchange",
        "lower.csv": "file_name",
        "earnings.csv": "earnings_dates",
    }
    assert "line 4, 'soon' in column date" in checks["earnings.csv"].detail
    assert (checks["AAA.csv"].last, checks["AAA.csv"].ticker) == (date(2024, 6, 5), "AAA")
    assert checks["AAA.csv"].bars + 10 > 290
    assert "bars on days without a session of XNYS left out" in checks["AAA.csv"].detail
    assert "'ten' in line 2" in checks["BAD.csv"].detail
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_of_fewer_sessions_than_a_model_needs_is_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{day},{day.day}\n" for day in sessions_between("XNYS", date(2024, 6, 3), AS_OF))
    (tmp_path / "YOUNG.csv").write_text(f"date,close\n{rows}")
    (check,) = check_price_files(tmp_path, NOW, needed=123)
    assert (check.reason, check.bars) == ("short_history", 0)
    assert check.detail.startswith("YOUNG: expected at least 123 sessions of history, found 3; ")
    (check,) = check_price_files(tmp_path, NOW, needed=3)
    assert (check.reason, check.bars) == ("", 3)


def test_a_calendar_that_ends_within_the_horizon_leaves_a_file_out(tmp_path: Path) -> None:
    """Mumbai's, of which the installed package knows the sessions of a few years alone."""
    end = _build("XBOM", 2199).last
    days = sessions_between("XBOM", end - timedelta(days=500), end)[:-10]
    rows = "".join(f"{day},{50 + day.toordinal() % 7}\n" for day in days)
    (tmp_path / "^NSEI.csv").write_text(f"date,close\n{rows}")
    now = datetime.combine(days[-1], time(20), UTC)
    (near,) = check_price_files(tmp_path, now, horizon=5)
    (far,) = check_price_files(tmp_path, now, horizon=30)
    assert (near.reason, far.reason, far.bars) == ("", "sessions_unknown", 0)
    assert far.detail == (
        "^NSEI: Expected days that the calendar of the exchange covers (calendar XBOM ends "
        f"{end}), found 30 sessions after {days[-1]}; take earlier days, or upgrade the package "
        "exchange_calendars."
    )


@pytest.mark.parametrize(
    ("now", "stale"),
    [
        (datetime(2019, 12, 31, 12, tzinfo=UTC), ["LATE.DE"]),  # New York has not closed
        (datetime(2020, 1, 1, tzinfo=UTC), ["EVE", "LATE.DE"]),
    ],
)
def test_each_file_is_held_to_the_last_closed_session_of_its_own_exchange(
    tmp_path: Path, now: datetime, stale: list[str]
) -> None:
    lasts = {"A.AX": 31, "B.AX": 31, "C.AX": 31, "EVE": 30, "EVE.DE": 30, "LATE.DE": 27}
    for ticker, last in lasts.items():
        days = sessions_between(calendar_name(ticker), date(2018, 6, 1), date(2019, 12, last))
        rows = "".join(f"{day},{50 + day.toordinal() % 7}\n" for day in days)
        (tmp_path / f"{ticker}.csv").write_text(f"date,close\n{rows}")
    checks = list(check_price_files(tmp_path, now))
    assert [check.ticker for check in checks if check.reason] == stale
