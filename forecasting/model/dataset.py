"""Recency weights: how much more a recent session counts in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecasting.config import TrainingConfig
from forecasting.errors import ModelError, ShortHistoryError
from forecasting.features.earnings import surprises_of
from forecasting.features.lookback import WARM_UP, Trailing, windows_of
from forecasting.features.market import align
from forecasting.features.registry import compute_features
from forecasting.features.returns import range_variance
from forecasting.types import Floats, Weighting


def recency_weights(position: Floats, weighting: Weighting) -> Floats:
    """Weights with mean 1 by the age of a session.

    Args:
        position: (N,) place of each session in the training span, 0 the oldest and 1 the newest.
        weighting: `linear` rises from 0.5 to 1.0, `exponential` as exp(3 t), about 20 times, `none` is flat.
    """
    shapes = {
        "linear": 0.5 + 0.5 * position,
        "exponential": np.exp(3 * position),
        "none": np.ones_like(position),
    }
    raw = shapes[weighting]
    weights: Floats = raw / raw.mean()
    return weights


@dataclass(frozen=True)
class TickerSeries:
    """Arrays of one ticker over its T sessions after the warm-up.

    Attributes:
        ticker: The symbol.
        sessions: (T,) datetime64[D].
        features: (T, F).
        volatility: (T,) current volatility, log-return units a session.
        target: (T,) next session's log return over the current volatility; NaN at the last session.
        windows: (T, W) trailing windows.
        range_next: (T,) next session's range variance; NaN at the last.
    """

    ticker: str
    sessions: np.ndarray
    features: Floats
    volatility: Floats
    target: Floats
    windows: Trailing
    range_next: Floats

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def window(self) -> Trailing:
        """The last trailing window, (W,) arrays, where a simulation starts."""
        return self.windows[-1]


def build_series(
    ticker: str, bars: pd.DataFrame, market: pd.Series, names: Sequence[str], lookback: int
) -> TickerSeries:
    """Features and targets of one ticker.

    Args:
        ticker: The symbol.
        bars: Adjusted bars up to the session of interest, as `adjustment.adjust` gives them.
        market: Market variance by session.
        names: Features to compute, F of them.
        lookback: Sessions that must remain after the warm-up (L).

    Raises:
        ShortHistoryError: Fewer sessions than warm-up and lookback need.
    """
    if len(bars) < WARM_UP + lookback:
        raise ShortHistoryError(ticker, found=len(bars), needed=WARM_UP + lookback)
    returns = np.log(bars["close"]).diff().to_numpy(np.float64)
    ranges = range_variance(bars)
    aligned = align(market, pd.DatetimeIndex(bars.index))
    channels = (returns, ranges, aligned, surprises_of(bars))
    every = Trailing(*(windows_of(channel)[WARM_UP:] for channel in channels))
    ahead = np.append(returns[WARM_UP + 1 :], np.nan)
    return TickerSeries(
        ticker=ticker,
        sessions=bars.index.to_numpy("datetime64[D]")[WARM_UP:],
        features=compute_features(every, names),
        volatility=every.volatility,
        target=ahead / every.volatility,
        windows=every,
        range_next=np.append(ranges[WARM_UP + 1 :], np.nan),
    )


Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """The rows of all tickers, one after the other (R rows).

    Attributes:
        features: (R, F).
        target: (R,) standardised next-session returns, NaN where unknown.
        session: (R,) datetime64[D].
        start: (R,) first row of the same ticker.
    """

    features: Floats
    target: Floats
    session: np.ndarray
    start: Rows

    @staticmethod
    def of(series: Sequence[TickerSeries]) -> "Pool":
        """Stack the series of all tickers."""
        lengths = [len(one) for one in series]
        firsts = np.cumsum([0, *lengths[:-1]])
        return Pool(
            np.concatenate([one.features for one in series]),
            np.concatenate([one.target for one in series]),
            np.concatenate([one.sessions for one in series]),
            np.repeat(firsts, lengths).astype(np.int64),
        )


@dataclass(frozen=True)
class Split:
    """Rows that are scored in training and in validation, and the weight of every row."""

    training: Rows
    validation: Rows
    weights: Floats  # (R,) recency weights with mean 1 over the training rows, 0 elsewhere
    trained_through: date


def chronological_split(pool: Pool, config: TrainingConfig) -> Split:
    """Split by session: history, purge gap, validation; a row counts by the session of its target.

    Raises:
        ModelError: Too few sessions for both parts.
    """
    sessions = np.unique(pool.session)[-(config.history_sessions + 1) :]
    scored = len(sessions) - 1  # the last session has no target yet
    held_out = max(1, round(scored * config.validation_fraction))
    fitted = scored - held_out - config.purge_sessions
    if fitted < config.lookback:
        raise ModelError(
            f"Expected at least {config.lookback} sessions to train on, found {fitted} of {scored} after "
            "validation and purge; load more history."
        )
    target_session = np.append(pool.session[1:], pool.session[-1])  # no matter where the target is unknown
    place = np.searchsorted(sessions, target_session) - 1.0  # 0 .. scored - 1
    known = np.isfinite(pool.target) & (pool.session >= sessions[0])
    training = known & (place < fitted)
    validation = known & (place >= fitted + config.purge_sessions)
    weights = np.zeros(len(place))
    weights[training] = recency_weights(place[training] / max(fitted - 1, 1), config.weighting)
    last: date = sessions[-1].item()
    return Split(np.flatnonzero(training), np.flatnonzero(validation), weights, last)


@dataclass(frozen=True)
class Sequences:
    """Sequences of `length` sessions that end at given rows, gathered on demand."""

    features: Tensor  # (R, F)
    target: Tensor  # (R,)
    weights: Tensor  # (R,) 0 where a row is not scored
    start: Tensor  # (R,)
    context: int  # sessions read before the first scored one
    length: int

    def batch(self, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, T, F), targets (B, T) and weights (B, T) of sequences that end at rows (B,).

        Where a ticker is younger than the sequence its first row is repeated; a step is scored only after
        `context` sessions of the ticker's own.
        """
        rows = ends[:, None] + torch.arange(1 - self.length, 1)  # (B, T)
        start = self.start[ends][:, None]
        clamped = torch.maximum(rows, start)
        settled = (rows >= start + self.context) & (torch.arange(self.length) >= self.context)
        weights = torch.where(settled, self.weights[clamped], 0.0)
        target = torch.where(
            weights > 0, self.target[clamped], 0.0
        )  # an unknown one would reach the gradient
        return self.features[clamped], target, weights


def sequences(pool: Pool, weights: Floats, config: TrainingConfig) -> Sequences:
    """The pool as sequences of burn-in plus scored segment (`window` mode: a segment of one)."""
    segment = 1 if config.mode == "window" else config.segment
    context = config.lookback - 1
    return Sequences(
        torch.as_tensor(pool.features, dtype=torch.float32),
        torch.as_tensor(pool.target, dtype=torch.float32),
        torch.as_tensor(weights, dtype=torch.float32),
        torch.as_tensor(pool.start),
        context=context,
        length=context + segment,
    )


def tiling_ends(rows: Rows, pool: Pool, segment: int) -> Rows:
    """Ends of segments that cover the given rows of every ticker once, as nearly as its length allows."""
    ends = [own[::-1][::segment] for own in np.split(rows, np.flatnonzero(np.diff(pool.start[rows])) + 1)]
    return np.concatenate(ends)


def covering_ends(rows: Rows, pool: Pool, segment: int) -> Rows:
    """Every end of a segment that scores one of the given rows: each row is scored by as many segments.

    Ends past the last row read what is not scored, so that the newest sessions count no less than older ones.
    """
    ends = rows[:, None] + np.arange(segment)
    start = np.broadcast_to(pool.start[rows][:, None], ends.shape)
    inside = ends < len(pool.start)
    inside &= pool.start[np.minimum(ends, len(pool.start) - 1)] == start
    return np.unique(ends[inside])
