"""Daily returns: the causal, scale-free columns of one ticker from which everything else is computed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from forecasting.calendars.reports import NO_DATES, EarningsDates
from forecasting.errors import ShortHistoryError, StaleHistoryError
from forecasting.features.reports import Reports, compute_reports
from forecasting.features.surprises import score_surprises
from forecasting.prices.adjustment import cumulative_log, kept_after_payout
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats, PriceBasis


@dataclass(frozen=True)
class DailyReturns:
    """One ticker's sessions on one price basis, computed once from as-traded bars and actions.

    Every column at a session depends on bars and actions up to that session alone: `until` is a slice.

    Attributes:
        ticker: The symbol.
        basis: Whether payouts count as returns.
        session: (T,) datetime64[D], increasing.
        close: (T,) as traded.
        log_factor: (T,) log of the shares (and reinvested payouts) into which one share of the first session
            has grown.
        log_return: (T,) from the session before; NaN at the first.
        range_variance: (T,) Garman-Klass plus overnight variance, squared log-return units.
        surprise: (T,) score of the company's own news; NaN where unknown.
        reports: Earnings reports by session; None without dates.
    """

    ticker: str
    basis: PriceBasis
    session: np.ndarray
    close: Floats
    log_factor: Floats
    log_return: Floats
    range_variance: Floats
    surprise: Floats
    reports: Reports | None = None

    def __len__(self) -> int:
        return len(self.session)

    @property
    def last_session(self) -> date:
        """The newest session."""
        last: date = self.session[-1].item()
        return last

    def until(self, session: date) -> "DailyReturns":
        """Return the sessions up to and with `session`."""
        end = int(np.searchsorted(self.session, np.datetime64(session, "D"), side="right"))
        names = ("session", "close", "log_factor", "log_return", "range_variance", "surprise")
        reports = None if self.reports is None else self.reports.until(end)
        return replace(self, **{name: getattr(self, name)[:end] for name in names}, reports=reports)

    def at(self, session: date) -> "DailyReturns":
        """Return the sessions up to `session`, which must have a bar.

        Raises:
            ShortHistoryError: There is no bar up to that session.
            StaleHistoryError: The newest bar is older.
        """
        known = self.until(session)
        if not len(known):
            raise ShortHistoryError(self.ticker, found=0, needed=1)
        if known.last_session != session:
            raise StaleHistoryError(self.ticker, expected=session, found=known.last_session)
        return known

    def count_reports(self, horizon: int) -> tuple[int, ...] | None:
        """Return the (H,) reports expected up to each of the next sessions, as known at the last; rounded.

        None where no date of the last year or of the days ahead is known.
        """
        if self.reports is None or not self.reports.dated[-1]:
            return None
        expected = np.cumsum(self.reports.ahead[-1, :horizon])
        return tuple(int(count) for count in np.floor(expected + 0.5))

    def newest(self, sessions: int, needed: int) -> Floats:
        """Return the newest log returns, at most `sessions` of them.

        Raises:
            ShortHistoryError: There are fewer than `needed`.
        """
        if len(self) - 1 < needed:
            raise ShortHistoryError(self.ticker, found=len(self), needed=needed + 1)
        return self.log_return[1:][-sessions:]

    def realised(
        self, as_of: date, targets: Sequence[date] | np.ndarray, anchor_close: float | None = None
    ) -> Floats:
        """Return (H,) cumulative log returns from `as_of` to each target, NaN where that has no bar yet.

        Args:
            as_of: Session of the anchor.
            targets: (H,) sessions.
            anchor_close: Close of `as_of` as issued; None for the close that is held now, NaN without one.
        """
        level = np.log(self.close) + self.log_factor
        ahead = self._column_at(level, np.asarray(targets, "datetime64[D]"))
        start = np.datetime64(as_of, "D")
        if anchor_close is None:
            return ahead - self._column_at(level, start)
        index = int(np.searchsorted(self.session, start, side="right")) - 1
        start_level = float(np.log(anchor_close)) + (float(self.log_factor[index]) if index >= 0 else 0.0)
        return ahead - start_level

    def fingerprint(self) -> str:
        """Return the SHA-256 of every column, 16 hex digits."""
        digest = hashlib.sha256(self.session.tobytes())
        columns = (self.close, self.log_factor, self.log_return, self.range_variance, self.surprise)
        for column in (*columns, *(self.reports or ())):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()[:16]

    def _column_at(self, column: Floats, sessions: "np.ndarray | np.datetime64") -> Floats:
        if not len(self):
            return np.full(np.shape(sessions), np.nan)
        index = np.minimum(np.searchsorted(self.session, sessions), len(self) - 1)
        return np.where(self.session[index] == sessions, column[index], np.nan)


def compute_daily_returns(
    history: PriceHistory,
    basis: PriceBasis,
    dates: EarningsDates = NO_DATES,
    *,
    exchange: np.ndarray | None = None,
) -> DailyReturns:
    """Compute the daily returns of one ticker.

    Args:
        history: As-traded bars and dated actions, checked.
        basis: `split_adjusted`, or `total_return`, which also reinvests each dividend at the previous close.
        dates: Of the ticker's earnings reports, if any are known.
        exchange: datetime64[D] of the exchange's sessions, from the first bar to REACH after the last;
            None leaves the dates out.
    """
    bars = history.bars
    log_shares = cumulative_log(bars.index, history.actions["split"])
    log_factor = log_shares
    if basis == "total_return":
        log_factor = log_shares - cumulative_log(bars.index, kept_after_payout(history))
    close = bars["close"].to_numpy(np.float64)
    log_return = np.diff(np.log(close) + log_factor, prepend=np.nan)
    volume = bars["volume"].to_numpy(np.float64) / np.exp(log_shares)  # in shares of the first session
    sessions = bars.index.to_numpy("datetime64[D]")
    reports = None
    if dates.reports and exchange is not None:
        reports = compute_reports(dates, sessions, exchange, log_return=log_return, volume=volume)
    return DailyReturns(
        ticker=history.ticker,
        basis=basis,
        session=sessions,
        close=close,
        log_factor=log_factor,
        log_return=log_return,
        range_variance=compute_range_variance(bars, log_return),
        surprise=score_surprises(log_return, volume),
        reports=reports,
    )


def fingerprint_universe(universe: Iterable[DailyReturns]) -> str:
    """Return a hash of the returns of several tickers, 16 hex digits, independent of their order."""
    lines = sorted(f"{returns.ticker}:{returns.fingerprint()}" for returns in universe)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def garman_klass(bars: pd.DataFrame) -> Floats:
    """Return the (T,) Garman-Klass variance of trading hours (Garman & Klass 1980, eq. 20), at least 0."""
    high_low = np.log(bars["high"] / bars["low"])
    close_open = np.log(bars["close"] / bars["open"])
    variance = 0.5 * high_low**2 - (2 * np.log(2) - 1) * close_open**2
    positive: Floats = np.maximum(variance.to_numpy(np.float64), 0)
    return positive


def compute_range_variance(bars: pd.DataFrame, log_return: Floats) -> Floats:
    """Return (T,) Garman-Klass plus squared overnight return; the squared return where a price is missing.

    Args:
        bars: As-traded bars; each session's ratios are free of scale.
        log_return: (T,) from close to close, splits and payouts worked in.
    """
    overnight = log_return - np.log(bars["close"] / bars["open"]).to_numpy(np.float64)
    variance = garman_klass(bars) + overnight**2
    return np.where(np.isfinite(variance), variance, log_return**2)
