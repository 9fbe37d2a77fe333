"""Earnings reports as columns of one ticker: which session reacts, what is expected ahead, and how much.

Days of reports carry more variance than others (Beaver 1968; Dubinsky & Johannes 2006), and their dates are
public weeks before (So 2018). A report's jump does not persist: it says little about the volatility of the
sessions after it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from forecasting.calendars.reports import EarningsDates
from forecasting.features.lookback import (
    DECAY,
    VOLATILITY_FLOOR,
    Lookback,
    ReportWindow,
    ordinary_ewma,
    trailing_windows,
)
from forecasting.features.report_days import ReportDays, place_reports, react
from forecasting.features.surprises import compare_volume
from forecasting.types import Floats

PRIOR_SIZE = 7.0  # squared deviations of a report, before any has been seen
PRIOR_REPORTS = 50  # reports that this prior counts as, beside the pool's own
POOL_REPORTS = 4  # reports that the pool counts as, beside a ticker's own
OWN_REPORTS = 16  # the newest of a ticker that count
LARGEST_SIZE = 60.0
LABELLED = 8  # the newest reports that show at what time of day a ticker reports
SHARPNESS = 1.6  # of the share of those that moved on their own day
CROWD_WEIGHT = 1.5  # of a log of the volume over the usual, against a deviation of the return


class Reports(NamedTuple):
    """Earnings reports of one ticker by session; a row depends on what was known by its session alone.

    Attributes:
        weight: (T,) expected number of reports that the session reacts to, in [0, 1].
        ahead: (T, 30) the same of each of the next sessions.
        size: (T,) squared return of a report over the ordinary variance before it, at the last session that
            may react to it; NaN at the others.
        dated: (T,) bool, whether a date of the last year or of the days ahead is known.
    """

    weight: Floats
    ahead: Floats
    size: Floats
    dated: np.ndarray

    def until(self, end: int) -> "Reports":
        """Return the first `end` sessions."""
        return Reports(*(column[:end] for column in self))


def compute_reports(
    dates: EarningsDates, sessions: np.ndarray, exchange: np.ndarray, *, log_return: Floats, volume: Floats
) -> Reports:
    """Place the earnings dates of a ticker on its sessions.

    Args:
        dates: Past and announced.
        sessions: (T,) datetime64[D] with a bar.
        exchange: datetime64[D] of the exchange's sessions, from the first bar to REACH after the last.
        log_return: (T,) daily log returns.
        volume: (T,) in shares of one and the same session.
    """
    days = ReportDays.build(dates, np.union1d(sessions, exchange))
    rows = np.searchsorted(days.axis, sessions)
    same_day = _expect_same_day(days, rows, log_return, volume=volume)
    placed = place_reports(days, same_day)
    weight = placed.weight[rows]
    size = _measure_sizes(days, rows, same_day, weight=weight, log_return=log_return)
    return Reports(weight, placed.ahead[rows], size, placed.dated[rows])


def pool_report_size(reports: Iterable[Reports]) -> float:
    """Return the mean size of the reports of several tickers, shrunk to PRIOR_SIZE."""
    sizes = np.concatenate([np.empty(0), *(each.size[np.isfinite(each.size)] for each in reports)])
    return float((PRIOR_REPORTS * PRIOR_SIZE + sizes.sum()) / (PRIOR_REPORTS + len(sizes)))


def expect_size(reports: Reports, pool: float) -> Floats:
    """Return the (T,) expected size of the next report, shrunk to the pool's; NaN where not dated."""
    seen = np.isfinite(reports.size)
    total = np.append(0.0, np.cumsum(reports.size[seen]))
    last = np.cumsum(seen)
    first = np.maximum(last - OWN_REPORTS, 0)
    expected = (POOL_REPORTS * pool + total[last] - total[first]) / (POOL_REPORTS + last - first)
    return np.where(reports.dated, expected, np.nan)


def build_report_windows(reports: Reports, pool: float) -> ReportWindow:
    """Build the trailing windows of every session of one ticker.

    Args:
        reports: Of the ticker.
        pool: Mean size of the reports of all tickers.
    """
    return ReportWindow(trailing_windows(reports.weight), reports.ahead, expect_size(reports, pool))


def count_reports(window: Lookback, ahead: int) -> Floats:
    """Expected reports in the sessions ahead over the root of their number, in [0, 5.5]."""
    if window.reports is None:
        return np.zeros(window.returns.shape[:-1])
    count: Floats = window.reports.ahead[..., :ahead].sum(axis=-1) / np.sqrt(ahead)
    return count


def expect_report_growth(window: Lookback, ahead: int) -> Floats:
    """Log scale that the reports expected in the sessions ahead add to ordinary ones, in [0, 2.1].

    1/2 log(1 + n (size - 1) / h) for n reports in h sessions (Dubinsky & Johannes 2006).
    """
    if window.reports is None:
        return np.zeros(window.returns.shape[:-1])
    expected = window.reports.ahead[..., :ahead].sum(axis=-1)
    excess = np.maximum(np.nan_to_num(window.reports.size, nan=1.0) - 1, 0)
    growth: Floats = 0.5 * np.log1p(expected * excess / ahead)
    return growth


def _expect_same_day(days: ReportDays, rows: np.ndarray, log_return: Floats, *, volume: Floats) -> Floats:
    """(C,) share of a report of unknown time that falls on its own day, as known by each session.

    Estimated from the ticker's past reports: the session with the larger move and volume reacted.
    """
    volatility = Lookback.of_returns(trailing_windows(log_return)).volatility
    crowd = CROWD_WEIGHT * np.nan_to_num(compare_volume(volume))
    labels, known = [], []
    for first, since, stated in zip(days.first, days.known, days.same_day, strict=True):
        row = int(np.searchsorted(rows, first))
        has_bars = 1 <= row < len(rows) - 1 and rows[row] == first and rows[row + 1] == first + 1
        if has_bars and np.isnan(stated) and since <= first + 1:
            both = slice(row, row + 2)
            score = np.abs(log_return[both]) / volatility[row - 1] + crowd[both]
            labels.append(float(score[0] > score[1]))
            known.append(first + 1)
    total = np.append(0.0, np.cumsum(labels))
    last = np.searchsorted(known, np.arange(len(days.axis)), side="right")
    start = np.maximum(last - LABELLED, 0)
    share = (1 + total[last] - total[start]) / (2 + last - start)
    sharpened: Floats = (SHARPNESS * (share - 0.5) + 0.5).clip(0, 1)
    return sharpened


def _measure_sizes(
    days: ReportDays, rows: np.ndarray, same_day: Floats, *, weight: Floats, log_return: Floats
) -> Floats:
    """(T,) squared return of each report over the ordinary variance of the day before, where known."""
    squares = log_return**2
    variance = ordinary_ewma(trailing_windows(squares), trailing_windows(weight), DECAY)
    size = np.full(len(rows), np.nan)
    for index, since in enumerate(days.known):
        parts = list(react(days, index, same_day))
        sessions = np.array([session for session, _ in parts], np.int64)
        reacting = np.searchsorted(rows, sessions)
        if (
            not parts
            or since > sessions[-1]
            or reacting[-1] >= len(rows)
            or (rows[reacting] != sessions).any()
        ):
            continue
        before = max(variance[reacting[0] - 1], VOLATILITY_FLOOR**2) if reacting[0] else np.nan
        moved = float(np.dot([mass for _, mass in parts], squares[reacting]))
        size[reacting[-1]] = min(moved / before, LARGEST_SIZE) if np.isfinite(before) else np.nan
    return size
