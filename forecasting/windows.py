"""Training sequences: which sessions are scored, and where the sequences around them lie.

The sessions of all tickers are split by date, never by ticker: training, a purge gap, validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecasting.config import TrainingConfig
from forecasting.errors import ModelError
from forecasting.forecast import Floats
from forecasting.series import TickerSeries
from forecasting.weights import recency_weights

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
