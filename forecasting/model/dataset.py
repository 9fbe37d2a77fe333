"""Training data: features and targets of every session, their chronological split, and the sequences around.

The sessions of all tickers are split by date, never by ticker: training, a purge gap, validation.
"""

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
from forecasting.features.lookback import WARM_UP, Lookback
from forecasting.features.market import build_lookbacks
from forecasting.features.registry import compute_features
from forecasting.features.reports import PRIOR_SIZE
from forecasting.features.returns import DailyReturns
from forecasting.types import Floats, Weighting

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TickerFeatures:
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
    windows: Lookback
    range_next: Floats

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def window(self) -> Lookback:
        """The last trailing window, (W,) arrays, where a simulation starts."""
        return self.windows[-1]


def build_ticker_features(
    returns: DailyReturns,
    market: pd.Series,
    names: Sequence[str],
    *,
    lookback: int,
    newest: int | None = None,
    report_size: float = PRIOR_SIZE,
) -> TickerFeatures:
    """Build features and targets of one ticker.

    Args:
        returns: Daily returns up to the session of interest.
        market: Market variance by session.
        names: Features to compute, F of them.
        lookback: Sessions that must remain after the warm-up (L).
        newest: Only the newest so many sessions; None for all after the warm-up.
        report_size: Mean size of the reports of the model's training universe.

    Raises:
        ShortHistoryError: Fewer sessions than warm-up and lookback need.
    """
    if len(returns) < WARM_UP + lookback:
        raise ShortHistoryError(returns.ticker, found=len(returns), needed=WARM_UP + lookback)
    kept = slice(WARM_UP if newest is None else max(WARM_UP, len(returns) - newest), None)
    windows = build_lookbacks(returns, market, report_size)[kept]
    return TickerFeatures(
        ticker=returns.ticker,
        sessions=returns.session[kept],
        features=compute_features(windows, names),
        volatility=windows.volatility,
        target=_next(returns.log_return, kept) / windows.volatility,
        windows=windows,
        range_next=_next(returns.range_variance, kept),
    )


def _next(column: Floats, kept: slice) -> Floats:
    """(T,) value of the session after each kept one, NaN after the last."""
    return np.append(column[1:], np.nan)[kept]


def weigh_by_recency(age: Floats, weighting: Weighting) -> Floats:
    """(N,) weights with mean 1 by the age of a session.

    Args:
        age: (N,) position of each session in the training span, 0 the oldest and 1 the newest.
        weighting: `linear` rises from 0.5 to 1.0, `exponential` as exp(3 t), about 20 times, `none` is flat.
    """
    shapes = {"linear": 0.5 + 0.5 * age, "exponential": np.exp(3 * age), "none": np.ones_like(age)}
    raw = shapes[weighting]
    weights: Floats = raw / raw.mean()
    return weights


@dataclass(frozen=True)
class TrainingSet:
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

    @classmethod
    def stack(cls, tickers: Sequence[TickerFeatures]) -> "TrainingSet":
        """Stack the arrays of all tickers."""
        lengths = [len(ticker) for ticker in tickers]
        firsts = np.cumsum([0, *lengths[:-1]])
        return cls(
            np.concatenate([ticker.features for ticker in tickers]),
            np.concatenate([ticker.target for ticker in tickers]),
            np.concatenate([ticker.sessions for ticker in tickers]),
            np.repeat(firsts, lengths).astype(np.int64),
        )


@dataclass(frozen=True)
class Split:
    """Rows that are scored in training and in validation, and the weight of every row."""

    training: Rows
    validation: Rows
    weights: Floats  # (R,) recency weights with mean 1 over the training rows, 0 elsewhere
    trained_through: date


def split_by_session(data: TrainingSet, config: TrainingConfig) -> Split:
    """Split by session: history, purge gap, validation; a row counts by the session of its target.

    Raises:
        ModelError: Too few sessions for both parts.
    """
    sessions = np.unique(data.session)[-(config.history_sessions + 1) :]
    scored = len(sessions) - 1  # the last session has no target yet
    held_out = max(1, round(scored * config.validation_fraction))
    fitted = scored - held_out - config.purge_sessions
    if fitted < config.lookback:
        raise ModelError(
            f"Expected at least {config.lookback} sessions to train on, found {fitted} of {scored} after "
            "validation and purge; load more history."
        )
    target_session = np.append(data.session[1:], data.session[-1])  # of no matter where the target is unknown
    position = np.searchsorted(sessions, target_session) - 1.0  # 0 .. scored - 1
    known = np.isfinite(data.target) & (data.session >= sessions[0])
    training = known & (position < fitted)
    validation = known & (position >= fitted + config.purge_sessions)
    weights = np.zeros(len(position))
    weights[training] = weigh_by_recency(position[training] / max(fitted - 1, 1), config.weighting)
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

    def gather(self, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, L, F), targets (B, L) and weights (B, L) of sequences that end at rows (B,).

        Where a ticker is younger than the sequence its first row is repeated; a step is scored only after
        `context` sessions of the ticker's own.
        """
        rows = ends[:, None] + torch.arange(1 - self.length, 1)  # (B, L)
        start = self.start[ends][:, None]
        clamped = torch.maximum(rows, start)
        scored = (rows >= start + self.context) & (torch.arange(self.length) >= self.context)
        weights = torch.where(scored, self.weights[clamped], 0.0)
        target = torch.where(weights > 0, self.target[clamped], 0.0)  # a NaN would reach the gradient
        return self.features[clamped], target, weights


def build_sequences(data: TrainingSet, weights: Floats, config: TrainingConfig) -> Sequences:
    """Return the rows as sequences of burn-in plus scored segment (`window` mode: a segment of one)."""
    segment = 1 if config.mode == "window" else config.segment
    context = config.lookback - 1
    return Sequences(
        torch.as_tensor(data.features, dtype=torch.float32),
        torch.as_tensor(data.target, dtype=torch.float32),
        torch.as_tensor(weights, dtype=torch.float32),
        torch.as_tensor(data.start),
        context=context,
        length=context + segment,
    )


def tile_ends(rows: Rows, data: TrainingSet, segment: int) -> Rows:
    """Return ends of segments that cover the given rows of every ticker once, as nearly as lengths allow."""
    ends = [own[::-1][::segment] for own in np.split(rows, np.flatnonzero(np.diff(data.start[rows])) + 1)]
    return np.concatenate(ends)


def cover_ends(rows: Rows, data: TrainingSet, segment: int) -> Rows:
    """Return every end of a segment that scores one of the given rows: each row by as many segments.

    Ends past the last row read what is not scored, so that the newest sessions count no less than older ones.
    """
    ends = rows[:, None] + np.arange(segment)
    start = np.broadcast_to(data.start[rows][:, None], ends.shape)
    inside = ends < len(data.start)
    inside &= data.start[np.minimum(ends, len(data.start) - 1)] == start
    return np.unique(ends[inside])
