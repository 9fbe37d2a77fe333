"""Training sequences and the chronological split."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.config import TrainingConfig
from forecasting.errors import ModelError
from forecasting.model.dataset import (
    TickerFeatures,
    TrainingSet,
    build_sequences,
    compute_horizon_outcomes,
    count_steps,
    cover_ends,
    measure_sequence,
    split_by_session,
    tile_ends,
)

DAYS = pd.bdate_range("2020-01-01", periods=600).to_numpy("datetime64[D]")


def make_rows(*calendars: np.ndarray, knots: Sequence[int] = (1,)) -> TrainingSet:
    """Rows whose feature is the index of the ticker and whose targets are the indices of their sessions."""
    lengths = [len(days) for days in calendars]
    firsts = np.cumsum([0, *lengths[:-1]])
    closes = [days[np.minimum(np.arange(len(days))[:, None] + knots, len(days) - 1)] for days in calendars]
    targets = [
        np.where(np.arange(len(days))[:, None] + knots < len(days), np.searchsorted(DAYS, each), np.nan)
        for days, each in zip(calendars, closes, strict=True)
    ]
    return TrainingSet(
        np.repeat(np.arange(len(calendars), dtype=np.float32), lengths)[:, None],
        np.concatenate(targets),
        np.concatenate(calendars),
        np.concatenate(closes),
        start=np.repeat(firsts, lengths),
        rows=np.arange(sum(lengths)),
    )


def make_config(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**{"lookback": 5, "segment": 4, "history_sessions": 100, **changes})


def test_the_split_by_hand() -> None:
    split = split_by_session(make_rows(DAYS[:111]), make_config())
    assert split.validation.tolist() == list(
        range(100, 110)
    )  # a tenth of a hundred, to the last known target
    assert split.training.tolist() == list(range(10, 95))  # five are purged
    assert split.trained_through == DAYS[110].item()
    assert split.weights[split.training].mean() == pytest.approx(1)
    assert not split.weights[95:].any()
    assert split.weights[94, 0] == pytest.approx(2 * split.weights[10, 0])


def test_an_outcome_that_closes_after_training_is_purged_with_a_gap_of_its_own_horizon() -> None:
    split = split_by_session(make_rows(DAYS[:111], knots=(1, 5, 30)), make_config())
    assert [int(np.flatnonzero(column)[-1]) for column in split.weights.T] == [94, 90, 65]
    assert split.weights[65].tolist() == pytest.approx([split.weights[65, 0]] * 3)
    held_out = [np.flatnonzero(column).tolist() for column in split.held_out.T]
    assert held_out == [[*range(100, 110)], [*range(100, 106)], []]  # 30 sessions later nothing is known yet


def test_targets_are_outcomes_over_the_scale_that_the_linear_part_expects(
    tickers: Sequence[TickerFeatures],
) -> None:
    knots, ticker = (1, 5), tickers[0]
    log_scales = np.full((len(ticker), 2), np.log([2.0, 4.0]))
    data = TrainingSet.stack(
        [ticker, ticker], [log_scales, 0 * log_scales], inputs=[3, 1], knots=knots, config=TrainingConfig()
    )
    length = len(ticker)
    np.testing.assert_array_equal(data.features[:length], ticker.features[:, [3, 1]].astype(np.float32))
    np.testing.assert_array_equal(data.start, np.repeat([0, length], length))
    for index, h in enumerate(knots):
        outcome = compute_horizon_outcomes(ticker, h)
        known = length + len(outcome)
        np.testing.assert_allclose(data.target[length:known, index], outcome)
        np.testing.assert_allclose(data.target[: len(outcome), index], outcome / (2.0, 4.0)[index])
        assert np.isnan(data.target[known:, index]).all()
        assert data.closes[0, index] == ticker.sessions[h]


@pytest.mark.parametrize("mode", ["sequence", "window"])
def test_of_a_long_history_all_that_a_fit_reads_is_kept_and_little_else(
    mode: str, tickers: Sequence[TickerFeatures]
) -> None:
    config = make_config(mode=mode, lookback=20, segment=30, history_sessions=100)
    flat = [np.zeros((len(ticker), 2)) for ticker in tickers]
    kept, whole = (
        TrainingSet.stack(tickers, flat, inputs=[3, 1], knots=(1, 5), config=history)
        for history in (config, make_config(history_sessions=5000))
    )
    assert len(kept.rows) <= len(tickers) * (101 + measure_sequence(config) - 1) < len(whole.rows)
    split, expected = split_by_session(kept, config), split_by_session(whole, config)
    np.testing.assert_array_equal(kept.rows[split.training], expected.training)
    np.testing.assert_array_equal(kept.rows[split.validation], expected.validation)
    batches = [
        build_sequences(data, own.weights, config).gather(
            torch.as_tensor(cover_ends(own.training, data, config.segment))
        )
        for data, own in ((kept, split), (whole, expected))
    ]
    for found, wanted in zip(*batches, strict=True):
        assert torch.equal(found, wanted)


def test_one_halted_ticker_that_jumps_is_cut_to_what_a_residual_may_be(
    tickers: Sequence[TickerFeatures],
) -> None:
    jump = replace(tickers[0], target=np.where(np.arange(len(tickers[0])) == 9, 1e6, tickers[0].target))
    data = TrainingSet.stack(
        [jump], [np.zeros((len(jump), 1))], inputs=[0], knots=(1,), config=TrainingConfig()
    )
    assert data.target[9, 0] == 20.0


calendars = st.lists(
    st.tuples(st.integers(0, 200), st.integers(60, 400), st.sets(st.integers(0, 599), max_size=30)),
    min_size=1,
    max_size=4,
).map(lambda each: [np.delete(DAYS[a : a + n], [hole for hole in holes if hole < n]) for a, n, holes in each])


@settings(max_examples=80)
@given(calendars, st.integers(1, 20), st.floats(0.02, 0.4), st.integers(100, 500))
def test_training_and_validation_targets_never_overlap(
    days: list[np.ndarray], purge: int, fraction: float, history: int
) -> None:
    config = make_config(purge_sessions=purge, validation_fraction=fraction, history_sessions=history)
    data = make_rows(*days)
    try:
        split = split_by_session(data, config)
    except ModelError:
        return
    sessions = np.unique(data.session)
    targets = np.searchsorted(sessions, DAYS[np.nan_to_num(data.target).astype(int)])
    fitted, held_out = targets[split.training, 0], targets[split.validation, 0]
    assert fitted.max() + purge < held_out.min()
    assert fitted.min() >= len(sessions) - history
    assert held_out.max() == len(sessions) - 1
    assert np.isfinite(data.target[np.concatenate([split.training, split.validation])]).all()
    assert (np.diff(split.weights[split.training, 0][np.argsort(fitted, kind="stable")]) >= 0).all()


def test_a_target_that_is_long_in_coming_counts_when_it_comes() -> None:
    halted = np.delete(DAYS[:111], range(90, 105))
    data = make_rows(halted, DAYS[:111])
    split = split_by_session(data, make_config())
    assert 89 not in split.training  # its target is session 105, in the midst of validation
    assert 89 in split.validation
    assert 88 in split.training


@pytest.mark.parametrize("days", [11, 4, 2])
def test_too_few_sessions_are_refused_in_one_sentence(days: int) -> None:
    with pytest.raises(ModelError, match="Expected at least 5 sessions to train on"):
        split_by_session(make_rows(DAYS[:days]), make_config())


@pytest.fixture
def two_tickers() -> TrainingSet:
    return make_rows(DAYS[:40], DAYS[20:50])


def test_a_sequence_scores_its_segment_and_never_its_burn_in(two_tickers: TrainingSet) -> None:
    batch = build_sequences(two_tickers, np.ones((70, 1)), make_config()).gather(torch.tensor([30]))
    features, target, weights = batch
    assert features.shape == (1, 8, 1)
    assert target[0, :, 0].tolist() == [0, 0, 0, 0, 28, 29, 30, 31]  # 0 where it is not scored
    assert weights[0, :, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_step_is_scored_only_after_a_lookback_of_the_tickers_own(two_tickers: TrainingSet) -> None:
    source = build_sequences(two_tickers, np.ones((70, 1)), make_config())
    features, target, weights = source.gather(torch.tensor([4, 45]))
    assert target[0, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 5]
    assert weights[0, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert weights[1, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert set(features[1].flatten().tolist()) == {1.0}


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 30), st.lists(st.integers(0, 69), min_size=1, max_size=9))
def test_sequences_never_cross_tickers(lookback: int, segment: int, ends: list[int]) -> None:
    data = make_rows(DAYS[:40], DAYS[20:50])
    rows = torch.tensor(ends)
    features, _, weights = build_sequences(
        data, np.ones((70, 1)), make_config(lookback=lookback, segment=segment)
    ).gather(rows)
    assert torch.equal(features[..., 0], (rows >= 40).float()[:, None].expand(features.shape[:2]))
    assert not weights[:, : lookback - 1].any()


def test_window_mode_is_a_segment_of_one(two_tickers: TrainingSet) -> None:
    window = build_sequences(two_tickers, np.ones((70, 1)), make_config(mode="window"))
    segment = build_sequences(two_tickers, np.ones((70, 1)), make_config(segment=1))
    assert (window.length, window.context) == (segment.length, segment.context) == (5, 4)
    rows = torch.arange(70)
    for found, expected in zip(window.gather(rows), segment.gather(rows), strict=True):
        assert torch.equal(found.nan_to_num(-1), expected.nan_to_num(-1))


@pytest.mark.parametrize("segment", [1, 4, 7, 50])
def test_tiling_scores_every_validation_target_once(two_tickers: TrainingSet, segment: int) -> None:
    rows = np.concatenate([np.arange(25, 39), np.arange(51, 69)])
    held_out = np.zeros((70, 1))
    held_out[rows] = 1
    source = build_sequences(two_tickers, held_out, make_config(segment=segment))
    ends = torch.as_tensor(tile_ends(rows, two_tickers, segment))
    numbered = replace(source, target=torch.arange(70, dtype=torch.float32)[:, None])
    _, number, weights = numbered.gather(ends)
    assert sorted(number[weights > 0].int().tolist()) == rows.tolist()


@pytest.mark.parametrize("segment", [1, 4, 7])
def test_covering_ends_score_every_training_row_equally_often(two_tickers: TrainingSet, segment: int) -> None:
    rows = np.concatenate([np.arange(10, 30), np.arange(50, 60)])
    fitted = np.zeros((70, 1))
    fitted[rows] = 1
    source = build_sequences(two_tickers, fitted, make_config(segment=segment))
    ends = torch.as_tensor(cover_ends(rows, two_tickers, segment))
    _, number, weights = replace(source, target=torch.arange(70, dtype=torch.float32)[:, None]).gather(ends)
    counts = np.bincount(number[weights > 0].int().numpy(), minlength=70)
    assert set(counts[rows]) == {segment}
    assert counts.sum() == segment * len(rows)


def test_an_unknown_target_never_reaches_the_gradient(two_tickers: TrainingSet) -> None:
    unknown = replace(two_tickers, target=np.full((70, 1), np.nan))
    _, target, weights = build_sequences(unknown, np.zeros((70, 1)), make_config()).gather(torch.arange(70))
    assert not weights.any()
    assert torch.isfinite(target).all()


@pytest.mark.parametrize(
    ("epoch_steps", "bounds", "expected"),
    [(6, {"max_epochs": 5}, 30), (6, {"max_steps": 20}, 18), (6, {"max_steps": 2}, 6), (1, {}, 100)],
)
def test_a_fit_takes_whole_epochs_within_both_bounds(
    epoch_steps: int, bounds: dict[str, int], expected: int
) -> None:
    assert count_steps(epoch_steps, make_config(**bounds)) == expected
