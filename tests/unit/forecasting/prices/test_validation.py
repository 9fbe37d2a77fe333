"""Checks that look at more than one bar: each refuses its fault by name and lets real history pass."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.calendars.sessions import Calendar, sessions_between
from forecasting.errors import (
    GapError,
    InstrumentChangedError,
    NonPositivePriceError,
    PriceJumpError,
    StaleHistoryError,
    WrongSessionsError,
)
from forecasting.prices.completeness import (
    BREAK_SESSIONS,
    check_complete,
    find_believed_gaps,
    find_gaps,
    keep_sessions,
)
from forecasting.prices.history import InstrumentFacts, PriceHistory, as_actions, as_bars
from forecasting.prices.identity import check_facts
from forecasting.prices.validation import FEWEST_AFTER_CUT, check_jumps, keep_possible
from forecasting.types import Floats

SESSIONS = pd.DatetimeIndex(sessions_between("XNYS", date(2024, 1, 2), date(2024, 6, 5)))
LAST = date(2024, 6, 5)


def history(
    whole: Floats | None = None,
    days: pd.DatetimeIndex = SESSIONS,
    split: dict[pd.Timestamp, float] | None = None,
    **columns: Any,
) -> PriceHistory:
    plain = {"open": 10.0, "high": 10.1, "low": 9.9, "close": 10.0, "volume": 1000.0}
    frame = pd.DataFrame({name: np.full(len(days), value) for name, value in plain.items()}, index=days)
    if whole is not None:
        frame = frame.assign(open=whole, high=whole, low=whole, close=whole)
    acted = pd.DataFrame({"split": split or {}}, dtype=float)
    acted.index = pd.DatetimeIndex(acted.index)
    return PriceHistory("ACME", as_bars(frame.assign(**columns)), as_actions(acted))


def bump(index: int | slice, value: float, base: float = 10.0) -> Floats:
    values = np.full(len(SESSIONS), base)
    values[index] = value
    return values


def test_bars_on_sessions_pass_and_a_stray_weekend_row_is_dropped() -> None:
    assert keep_sessions(history(), "XNYS").bars.index.equals(SESSIONS.as_unit("s"))
    stray = history(days=SESSIONS.append(pd.DatetimeIndex(["2024-06-08"])))
    assert keep_sessions(stray, "XNYS").bars.index[-1].date() == LAST
    assert keep_sessions(history(days=SESSIONS[:0]), "XNYS").bars.empty


def test_dates_that_are_off_by_a_day_are_refused() -> None:
    shifted = history(days=SESSIONS - pd.Timedelta(days=1))
    with pytest.raises(WrongSessionsError, match="on other days, such as 2024-06-02"):
        keep_sessions(shifted, "XNYS")


def test_a_calendar_that_differs_from_the_vendors_is_not_held_against_the_bars() -> None:
    every_day = history(days=pd.date_range("2024-05-01", "2024-06-05"))
    assert len(keep_sessions(every_day, "24/5").bars) < len(every_day.bars)
    assert len(keep_sessions(every_day, "24/7").bars) == len(every_day.bars)


def test_a_bar_off_the_calendar_is_noted() -> None:
    stray = history(days=SESSIONS.append(pd.DatetimeIndex(["2024-06-08"])))
    (note,) = keep_sessions(stray, "XNYS").notes
    assert note == "1 bar on days without a session of XNYS left out: 2024-06-08"
    assert keep_sessions(history(), "XNYS").notes == ()


def test_so_is_one_after_the_last_session_in_an_owners_file() -> None:
    later = pd.DatetimeIndex(["2024-06-06", "2024-06-08", "2024-06-09", "2024-06-10"])
    owned = replace(history(), owned=SESSIONS.append(later))
    assert keep_sessions(owned, "XNYS").notes == ()  # the 6th is a session
    friday = history(days=SESSIONS.append(pd.DatetimeIndex(["2024-06-06", "2024-06-07"])))
    owned = replace(friday, owned=friday.bars.index.append(later[1:]))
    (note,) = keep_sessions(owned, "XNYS").notes
    assert note == "2 bars on days without a session of XNYS left out: 2024-06-08, 2024-06-09"


LONG = pd.DatetimeIndex(sessions_between("XNYS", date(2020, 1, 2), LAST))


@pytest.mark.parametrize("calendar", ["XNYS", "24/5", "CMES", "24/7"])
def test_bars_that_are_not_daily_are_refused(calendar: str) -> None:
    days = pd.DatetimeIndex(sessions_between(calendar, date(2020, 1, 2), LAST))
    for every, found in ((2, 125), (5, 50), (21, 12)):
        expected = f"a bar for each session, found {found} bars in 250 sessions"
        with pytest.raises(WrongSessionsError, match=expected):
            keep_sessions(history(days=days[::every]), calendar)
    assert len(keep_sessions(history(days=days), calendar).bars) == len(days)


def test_bars_of_weekends_alone_are_refused() -> None:
    with pytest.raises(WrongSessionsError, match="on other days"):
        keep_sessions(history(days=pd.date_range("2022-01-02", LAST, freq="7D")), "24/5")
    every_day = history(days=pd.date_range("2024-01-02", LAST))
    with pytest.raises(WrongSessionsError, match="on other days"):
        keep_sessions(every_day, "XNYS")


def test_a_share_that_trades_on_most_days_passes() -> None:
    assert len(keep_sessions(history(days=LONG.delete(range(0, len(LONG), 3))), "XNYS").bars) > 700


def test_history_from_before_bars_were_daily_is_left_out_and_nothing_later() -> None:
    days = LONG[:600:5].append(LONG[600:])
    kept = keep_sessions(history(days=days), "XNYS")
    assert LONG[597] <= kept.bars.index[0] <= LONG[600 + BREAK_SESSIONS]
    assert kept.bars.index[-1].date() == LAST
    assert "left out: " in kept.notes[0]


@pytest.mark.parametrize("first", ["1908-01-02", "2008-01-02"])
def test_a_first_day_of_a_mistyped_year_is_left_out_with_few_others(first: str) -> None:
    days = LONG[-390:]
    kept = keep_sessions(history(days=days.insert(0, pd.Timestamp(first))), "XNYS")
    assert days[0] <= kept.bars.index[0] <= days[BREAK_SESSIONS]
    assert "left out: 140 bars in 250 sessions" in kept.notes[0]
    assert keep_sessions(history(days=days), "XNYS").bars.index[0] == days[0]


def test_a_day_of_a_mistyped_century_is_left_out() -> None:
    old = pd.bdate_range("1968-01-02", "1971-01-04")
    kept = keep_sessions(history(days=pd.DatetimeIndex(["1908-01-02"]).append(old)), "XNYS")
    assert old[0] <= kept.bars.index[0] <= old[BREAK_SESSIONS]
    assert keep_sessions(history(days=old), "XNYS").bars.index[0] == old[0]


def test_history_up_to_an_impossible_bar_of_long_ago_is_left_out() -> None:
    impossible = history(days=LONG, close=np.where(np.arange(len(LONG)) == 300, -1.0, 10.0))
    kept = keep_possible(impossible)
    assert kept.bars.index[0] == LONG[301]
    assert "history up to 2021-03-12 left out: ACME: expected a positive price" in kept.notes[0]
    assert keep_possible(history(days=LONG)).notes == ()


def test_an_impossible_bar_that_leaves_too_little_is_refused() -> None:
    last = len(LONG) - FEWEST_AFTER_CUT
    recent = history(days=LONG, close=np.where(np.arange(len(LONG)) == last, -1.0, 10.0))
    with pytest.raises(NonPositivePriceError):
        keep_possible(recent)


def test_gaps_are_the_sessions_of_the_calendar_without_a_bar() -> None:
    assert find_gaps(history().bars, "XNYS", LAST) == ()
    assert find_gaps(history().bars.drop(SESSIONS[[3, 9]]), "XNYS", LAST) == (
        SESSIONS[3].date(),
        SESSIONS[9].date(),
    )
    assert find_gaps(history().bars.iloc[:0], "XNYS", LAST) == ()


@pytest.mark.parametrize(
    ("gaps", "waited_for"), [([-3], "2024-06-03"), ([-10, -4, -3], "2024-06-03 and 1 more")]
)
def test_a_gap_is_waited_for_until_three_bars_have_followed(gaps: list[int], waited_for: str) -> None:
    with pytest.raises(GapError, match=f"none for {waited_for};"):
        check_complete(history(days=SESSIONS.delete(gaps)), "XNYS", LAST)
    check_complete(history(days=SESSIONS.delete(gaps)), "CMES", LAST)


def test_a_gap_that_three_bars_have_followed_is_believed_and_named() -> None:
    gapped = history(days=SESSIONS.delete([5, -10, -4]))
    check_complete(gapped, "XNYS", LAST)
    assert find_believed_gaps(gapped, "XNYS", LAST) == (SESSIONS[-10].date(), SESSIONS[-4].date())


def test_a_closure_of_the_exchange_is_no_gap() -> None:
    closed = SESSIONS[-3].date()
    calendar = Calendar("XNYS", closures=frozenset([closed]))
    check_complete(history(days=SESSIONS.delete(-3)), calendar, LAST)
    assert find_gaps(history(days=SESSIONS.delete([-3, 7])).bars, calendar, LAST) == (SESSIONS[7].date(),)


@pytest.mark.parametrize(
    ("kept", "found"), [(slice(0, -1), "the last at 2024-06-04"), (slice(0), "found none")]
)
def test_a_missing_last_session_is_stale(kept: slice, found: str) -> None:
    with pytest.raises(StaleHistoryError, match=f"session 2024-06-05.*{found}"):
        check_complete(history(days=SESSIONS[kept]), "XNYS", LAST)


def test_a_row_of_a_day_off_in_place_of_the_last_session_is_named() -> None:
    """A bar a week, dated by its Saturday, or days that a time zone has shifted."""
    kept = history(days=SESSIONS[:-2])
    owned = SESSIONS[:-2].append(pd.DatetimeIndex(["2024-06-01", "2024-06-08"]))
    friday = date(2024, 6, 7)
    with pytest.raises(StaleHistoryError, match=r"2024-06-03 and a row of 2024-06-08, .*; correct that date"):
        check_complete(replace(kept, owned=owned), "XNYS", friday)
    with pytest.raises(StaleHistoryError, match=r"found the last at 2024-06-03; run again"):
        check_complete(replace(kept, owned=owned), "XNYS", date(2024, 6, 5))


@pytest.mark.parametrize("changed", [{"currency": "GBP"}, {"kind": "ETF"}, {"zone": "Asia/Tokyo"}])
def test_another_instrument_under_the_same_symbol_is_refused(changed: dict[str, Any]) -> None:
    stored: dict[str, Any] = {"currency": "GBp", "kind": "EQUITY", "zone": "Europe/London"}
    with pytest.raises(InstrumentChangedError, match=next(iter(changed))):
        check_facts("VOD.L", InstrumentFacts(**stored), InstrumentFacts(**{**stored, **changed}))


def test_a_missing_fact_is_no_change() -> None:
    check_facts("VOD.L", InstrumentFacts("GBp"), InstrumentFacts())
    check_facts("VOD.L", InstrumentFacts(), InstrumentFacts("GBp"))


@pytest.mark.parametrize(
    "slip",
    [
        history(bump(-1, 100.0)),  # tenfold today, on the usual volume
        history(bump(-1, 1.0)),
        history(bump(-1, 17.0)),
        history(bump(-20, 20.0)),  # doubled once, long ago
        history(bump(-20, 20.0), volume=bump(-20, 9000.0, 1000.0)),  # and with volume, but gone the next day
        history(bump(-1, 100.0), volume=0.0),
        history(bump(slice(-9, None), 17.0)),  # and it stays
        history(bump(-1, 100.0), volume=bump(-1, 9000.0, 1000.0)),  # tenfold today, on nine times the volume
        history(bump(-1, 4.0), volume=bump(-1, 2000.0, 1000.0)),
    ],
)
def test_a_slip_of_the_vendor_is_refused(slip: PriceHistory) -> None:
    with pytest.raises(PriceJumpError):
        check_jumps(slip, slip.bars.index)


@pytest.mark.parametrize(
    "real",
    [
        history(bump(-1, 17.0), volume=bump(-1, 5000.0, 1000.0)),  # news: volume comes with it
        history(bump(-1, 13.0)),
        history(bump(-1, 100.0), volume=bump(-1, 11_000.0, 1000.0)),
        history(bump(slice(-2, None), 100.0), volume=bump(-2, 9000.0, 1000.0)),  # and still there a day later
        history(bump(slice(-9, None), 2.5), split={SESSIONS[-9]: 4.0}),
    ],
)
def test_a_move_of_a_market_passes(real: PriceHistory) -> None:
    check_jumps(real, real.bars.index)


def test_a_fall_through_an_open_market_passes_on_the_usual_volume() -> None:
    """Bitcoin on 2020-03-12: 37 % down on 1.3 times the volume, with the close before inside the range."""
    close = bump(-1, 6.28)
    fallen = history(open=10.0, high=10.0, low=np.minimum(close, 9.9), close=close)
    check_jumps(fallen, fallen.bars.index)


def test_a_jump_that_is_stored_already_is_history() -> None:
    slip = history(bump(-20, 20.0))
    check_jumps(slip, slip.bars.index[-1:])
    with pytest.raises(PriceJumpError, match="10, then 20 at"):
        check_jumps(slip, slip.bars.index[-19:])  # the first of these is the return
