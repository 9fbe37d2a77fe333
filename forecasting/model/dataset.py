"""Training data: features and targets of every session, their chronological split, and the sequences around.

The sessions of all tickers are split by date, never by ticker: training, a purge gap, validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

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
from forecasting.model.random_streams import LARGEST_RESIDUAL
from forecasting.text import format_count
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


def compute_horizon_outcomes(ticker: TickerFeatures, h: int) -> Floats:
    """Return the (T - h,) log return of the h sessions after each over its volatility and sqrt(h)."""
    ahead = ticker.target[:-1] * ticker.volatility[:-1]
    total = np.append(0.0, np.cumsum(ahead))
    known = max(len(total) - h, 0)
    outcome: Floats = (total[h:] - total[:known]) / (ticker.volatility[:known] * np.sqrt(h))
    return outcome


def weigh_by_recency(age: Floats, weighting: Weighting) -> Floats:
    """Return the (N,) weights with mean 1 by the age of a session.

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
        features: (R, F) that the network reads, as exact as it reads them.
        target: (R, K) log return of each knot's horizon over the scale that the linear part expects, NaN
            where unknown.
        session: (R,) datetime64[D].
        closes: (R, K) session that closes each outcome; arbitrary where the outcome is unknown.
        start: (R,) first row of the same ticker.
        rows: (R,) position among all sessions of all tickers, one after the other.
    """

    features: NDArray[np.float32]
    target: Floats
    session: np.ndarray
    closes: np.ndarray
    start: Rows
    rows: Rows

    @classmethod
    def stack(
        cls,
        tickers: Sequence[TickerFeatures],
        log_scales: Sequence[Floats],
        *,
        inputs: Sequence[int],
        knots: Sequence[int],
        config: TrainingConfig,
    ) -> "TrainingSet":
        """Stack what a fit reads of all tickers: of 500, the older sessions alone would take a gigabyte.

        Args:
            tickers: Their features.
            log_scales: (T, K) of each ticker, by the linear part, in units of current volatility and sqrt(h).
            inputs: Columns of the features that the network reads.
            knots: The K horizons.
            config: Sessions that are scored, and those that are read before them.
        """
        skipped = _count_unread(tickers, config)
        lengths = np.array([len(ticker) for ticker in tickers]) - skipped
        each = list(zip(tickers, log_scales, skipped, strict=True))
        return cls(
            np.concatenate([ticker.features[old:, inputs].astype(np.float32) for ticker, _, old in each]),
            np.concatenate([_standardise(ticker, scales, knots)[old:] for ticker, scales, old in each]),
            np.concatenate([ticker.sessions[old:] for ticker, _, old in each]),
            np.concatenate([_find_closes(ticker.sessions, knots)[old:] for ticker, _, old in each]),
            start=np.repeat(np.cumsum(lengths) - lengths, lengths),
            rows=np.arange(lengths.sum()) + np.repeat(np.cumsum(skipped), lengths),
        )


def _count_unread(tickers: Sequence[TickerFeatures], config: TrainingConfig) -> Rows:
    """(N,) sessions of each ticker that lie before those a fit reads: scored ones and a sequence to each."""
    first = _keep_history(np.concatenate([ticker.sessions for ticker in tickers]), config)[0]
    scored = np.array([np.searchsorted(ticker.sessions, first) for ticker in tickers], np.int64)
    return np.maximum(scored - (measure_sequence(config) - 1), 0)


def _keep_history(sessions: np.ndarray, config: TrainingConfig) -> np.ndarray:
    """Return the distinct sessions that a fit scores, and the last one, which has no target yet."""
    return np.unique(sessions)[-(config.history_sessions + 1) :]


def _standardise(ticker: TickerFeatures, log_scales: Floats, knots: Sequence[int]) -> Floats:
    """(T, K) outcomes over the scale that is expected of them."""
    outcomes = np.full(log_scales.shape, np.nan)
    for index, h in enumerate(knots):
        known = compute_horizon_outcomes(ticker, h)
        outcomes[: len(known), index] = known
    return outcomes.clip(-LARGEST_RESIDUAL, LARGEST_RESIDUAL) * np.exp(-log_scales)


def _find_closes(sessions: np.ndarray, knots: Sequence[int]) -> np.ndarray:
    """(T, K) session at each knot ahead; the last one where the data end earlier."""
    last = len(sessions) - 1
    ahead: np.ndarray = sessions[np.minimum(np.arange(len(sessions))[:, None] + np.array(knots), last)]
    return ahead


@dataclass(frozen=True)
class Split:
    """Rows that are scored in training and in validation.

    Attributes:
        training: Rows whose next session is a training session.
        validation: Rows whose next session is a validation session.
        weights: (R, K) recency weights with mean 1 over the training rows; 0 where an outcome is not closed
            within the training sessions.
        held_out: (R, K) 1 for the known outcomes of the validation rows, else 0.
        rows: (R,) as in the training set.
        trained_through: Last session of the data.
    """

    training: Rows
    validation: Rows
    weights: Floats
    held_out: Floats
    rows: Rows
    trained_through: date


def split_by_session(data: TrainingSet, config: TrainingConfig) -> Split:
    """Split by session: history, purge gap, validation; an outcome counts by the session that closes it.

    Outcomes of h sessions that begin in training and close later are left out: a purge gap of h sessions.

    Raises:
        ModelError: Too few sessions for both parts.
    """
    sessions = _keep_history(data.session, config)
    scored = len(sessions) - 1
    held_out = max(1, round(scored * config.validation_fraction))
    fitted = scored - held_out - config.purge_sessions
    if fitted < config.lookback:
        raise ModelError(
            f"Expected at least {format_count(config.lookback, 'session')} to train on, "
            f"found {fitted} of {scored} after validation and purge; load more history."
        )
    position = np.searchsorted(sessions, data.closes) - 1.0  # (R, K), 0 .. scored - 1
    known = np.isfinite(data.target) & (data.session >= sessions[0])[:, None]
    training = known & (position < fitted)
    validation = known & (position[:, :1] >= fitted + config.purge_sessions)
    weights = np.zeros(data.target.shape)
    scored_rows = np.flatnonzero(training[:, 0])
    recency = weigh_by_recency(position[scored_rows, 0] / max(fitted - 1, 1), config.weighting)
    weights[scored_rows] = recency[:, None] * training[scored_rows]
    last: date = sessions[-1].item()
    return Split(
        scored_rows,
        np.flatnonzero(validation[:, 0]),
        weights,
        held_out=validation.astype(np.float64),
        rows=data.rows,
        trained_through=last,
    )


class Batch(NamedTuple):
    """Sequences of features (B, L, F) with targets and weights (B, L, K)."""

    features: Tensor
    target: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Sequences:
    """Sequences of `length` sessions that end at given rows, gathered on demand."""

    features: Tensor  # (R, F)
    target: Tensor  # (R, K)
    weights: Tensor  # (R, K) 0 where an outcome is not scored
    start: Tensor  # (R,)
    context: int  # sessions read before the first scored one
    length: int

    def gather(self, ends: Tensor) -> Batch:
        """Gather the sequences that end at rows (B,).

        Where a ticker is younger than the sequence its first row is repeated; a step is scored only after
        `context` sessions of the ticker's own.
        """
        rows = ends[:, None] + torch.arange(1 - self.length, 1)  # (B, L)
        start = self.start[ends][:, None]
        clamped = torch.maximum(rows, start)
        scored = (rows >= start + self.context) & (torch.arange(self.length) >= self.context)
        weights = torch.where(scored[..., None], self.weights[clamped], 0.0)
        target = torch.where(weights > 0, self.target[clamped], 0.0)  # a NaN would reach the gradient
        return Batch(self.features[clamped], target, weights)


def build_sequences(data: TrainingSet, weights: Floats, config: TrainingConfig) -> Sequences:
    """Return the rows as sequences; all that are built of one training set share its features."""
    return Sequences(
        torch.as_tensor(data.features),
        torch.as_tensor(data.target, dtype=torch.float32),
        torch.as_tensor(weights, dtype=torch.float32),
        torch.as_tensor(data.start),
        context=config.lookback - 1,
        length=measure_sequence(config),
    )


def measure_sequence(config: TrainingConfig) -> int:
    """Return the sessions of a sequence: burn-in and scored segment (`window` mode: a segment of one)."""
    return config.lookback - 1 + (1 if config.mode == "window" else config.segment)


def count_steps(epoch_steps: int, config: TrainingConfig) -> int:
    """Return the steps of the longest fit: whole epochs, one at least, within the bounds of both."""
    return epoch_steps * min(config.max_epochs, max(config.max_steps // epoch_steps, 1))


def tile_ends(rows: Rows, data: TrainingSet, segment: int) -> Rows:
    """Return ends of segments that cover the given rows of every ticker once, as nearly as lengths allow."""
    ends = [
        ticker_rows[::-1][::segment]
        for ticker_rows in np.split(rows, np.flatnonzero(np.diff(data.start[rows])) + 1)
    ]
    return np.concatenate(ends)


def cover_ends(rows: Rows, data: TrainingSet, segment: int) -> Rows:
    """Return every end of a segment that scores one of the given rows: each row by as many segments.

    Ends past the last row read what is not scored, so that the newest sessions count no less than older ones.
    """
    is_end = np.zeros(len(data.start), bool)
    for step in range(segment):  # all at once would take a number for each row and step
        ends = rows + step
        inside = ends < len(data.start)
        inside[inside] = data.start[ends[inside]] == data.start[rows[inside]]
        is_end[ends[inside]] = True
    return np.flatnonzero(is_end)
