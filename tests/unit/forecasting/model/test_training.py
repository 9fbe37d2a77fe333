"""Fitting a network: what is learnt, what is kept, and what is left behind (nothing)."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.config import ModelConfig, NetworkConfig, Skip, TrainingConfig
from forecasting.errors import ModelError
from forecasting.features.registry import select_features
from forecasting.model.artifact import build_network
from forecasting.model.dataset import Rows, Split, TrainingSet, build_sequences, split_by_session, tile_ends
from forecasting.model.lightning_module import SequenceBatches
from forecasting.model.losses import huber, huber_likelihood, weighted_mean
from forecasting.model.network import StackedLSTM
from forecasting.model.training import fit_network, fit_skip
from forecasting.types import Floats

ROWS = 500
TINY = NetworkConfig(hidden=8, layers=1, head=(8, 4))
TRAINING = TrainingConfig(lookback=10, segment=20, history_sessions=450, max_epochs=6, batch_size=8)


class Fit(NamedTuple):
    """A fitted network, the metrics that were kept and those of every epoch."""

    network: StackedLSTM
    metrics: dict[str, float]
    epochs: list[tuple[int, dict[str, float]]]


@pytest.fixture(scope="module")
def data() -> TrainingSet:
    """Clustered volatility, seen in one feature that only the network reads and in one of the linear skip."""
    rng = np.random.default_rng(4)
    names = list(select_features(()))
    features = rng.normal(0, 1, (ROWS, len(names)))
    log_scale = 0.8 * np.tanh(features[:, names.index("rsi")]) + 0.4 * features[:, names.index("range_50")]
    target = np.append(np.exp(log_scale[:-1]) * rng.standard_normal(ROWS - 1), np.nan)
    days = pd.bdate_range("2022-01-03", periods=ROWS).to_numpy("datetime64[D]")
    return TrainingSet(features, target, days, np.zeros(ROWS, np.int64))


@pytest.fixture(scope="module")
def split(data: TrainingSet) -> Split:
    return split_by_session(data, TRAINING)


def make_network(training: TrainingConfig = TRAINING, **changes: Any) -> StackedLSTM:
    return build_network(ModelConfig(network=TINY.model_copy(update=changes), training=training))


def fit(data: TrainingSet, split: Split, training: TrainingConfig = TRAINING, **changes: Any) -> Fit:
    network, epochs = make_network(training, **changes), list[tuple[int, dict[str, float]]]()
    metrics = fit_network(network, data, split, config=training, report=lambda *epoch: epochs.append(epoch))
    return Fit(network.eval(), metrics, epochs)


def compute_loss(network: StackedLSTM, data: TrainingSet, rows: Rows, weights: Floats) -> float:
    with torch.no_grad():
        out = network(torch.as_tensor(data.features[None], dtype=torch.float32))
        target = torch.as_tensor(data.target[None], dtype=torch.float32)
        loss = huber_likelihood(target, out.location, out.log_scale, delta=TRAINING.huber_delta)[0, rows]
    return weighted_mean(loss, torch.as_tensor(weights, dtype=torch.float32)).item()


def find_best_constant(data: TrainingSet, split: Split) -> float:
    """Loss of the best scale that never moves: what can be had without reading the features."""
    target = torch.as_tensor(data.target[split.training], dtype=torch.float32)
    weights = torch.as_tensor(split.weights[split.training], dtype=torch.float32)
    none = torch.zeros_like(target)
    losses = [
        huber_likelihood(target, none, none + s, delta=TRAINING.huber_delta) for s in np.linspace(-1, 1, 41)
    ]
    return min(weighted_mean(loss, weights).item() for loss in losses)


@pytest.mark.parametrize("linear_skip", ["all", "none"])
def test_the_fitted_network_reads_the_signal(linear_skip: Skip, data: TrainingSet, split: Split) -> None:
    training = TRAINING.model_copy(update={"max_epochs": 25, "learning_rate": 0.01})
    network, _, epochs = fit(data, split, training, linear_skip=linear_skip)
    learnt = compute_loss(network, data, split.training, split.weights[split.training])
    assert learnt < find_best_constant(data, split) - 0.02
    assert epochs[-1][1]["training_loss"] < epochs[0][1]["training_loss"]


def test_the_linear_part_beats_zero_and_is_where_training_starts(data: TrainingSet, split: Split) -> None:
    network, weights = make_network(), split.weights[split.training]
    before = compute_loss(network, data, split.training, weights)
    fit_skip(network, data, split, config=TRAINING)
    assert (
        compute_loss(network, data, split.training, weights)
        < min(before, find_best_constant(data, split)) - 0.02
    )
    start = network.skip.weight.detach().clone()
    gentle = TRAINING.model_copy(update={"learning_rate": 1e-7, "max_epochs": 1})
    network, _, _ = fit(data, split, gentle)
    torch.testing.assert_close(network.skip.weight.detach(), start, atol=1e-5, rtol=0)


@pytest.mark.parametrize("changes", [{"linear_skip": "none"}, {"scale_head": False}])
def test_without_a_skip_there_is_nothing_to_start_from(
    changes: dict[str, Any], data: TrainingSet, split: Split
) -> None:
    network = make_network(**changes)
    fit_skip(network, data, split, config=TRAINING)
    assert not network.skip.weight.any()


def test_the_kept_weights_are_those_of_the_best_epoch(data: TrainingSet, split: Split) -> None:
    restless = TRAINING.model_copy(
        update={"learning_rate": 0.2, "max_epochs": 14}
    )  # the 14th is not the best
    network, metrics, epochs = fit(data, split, restless)
    losses = [each["validation_loss"] for _, each in epochs]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # else the last epoch would prove nothing
    assert metrics == {**epochs[best][1], "best_epoch": best}
    assert compute_validation_loss(network, data, split) == pytest.approx(min(losses), abs=1e-5)


def compute_validation_loss(network: StackedLSTM, data: TrainingSet, split: Split) -> float:
    held_out = np.zeros(ROWS)
    held_out[split.validation] = 1
    source = build_sequences(data, held_out, TRAINING)
    features, target, weights = source.gather(torch.as_tensor(tile_ends(split.validation, data, 20)))
    with torch.no_grad():
        out = network(features)
        loss = huber_likelihood(target, out.location, out.log_scale, delta=TRAINING.huber_delta)
    return weighted_mean(loss, weights).item()


def test_training_stops_when_patience_is_spent(data: TrainingSet, split: Split) -> None:
    restless = TRAINING.model_copy(update={"learning_rate": 0.2, "max_epochs": 40, "patience": 2})
    _, metrics, epochs = fit(data, split, restless)
    assert len(epochs) == metrics["best_epoch"] + 1 + 2
    assert len(epochs) < 40


def test_every_epoch_is_reported_with_all_of_its_losses(data: TrainingSet, split: Split) -> None:
    _, _, epochs = fit(data, split, TRAINING.model_copy(update={"max_epochs": 2}))
    assert [epoch for epoch, _ in epochs] == [0, 1]
    assert all(
        losses.keys() == {"training_loss", "validation_loss", "validation_mae"} for _, losses in epochs
    )


def test_window_mode_scores_every_target_once_an_epoch(data: TrainingSet, split: Split) -> None:
    window = TRAINING.model_copy(update={"mode": "window"})
    source = build_sequences(data, split.weights, window)
    ends = torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, len(ends) + 1, size=8, seed=7)
    for _ in range(2):
        scored = [
            target[weights > 0] for _, target, weights in (batches[index] for index in range(len(batches)))
        ]
        assert sorted(torch.cat(scored).tolist()) == sorted(source.target[ends].tolist())


def test_each_epoch_has_its_own_order_and_every_seed_its_own(data: TrainingSet, split: Split) -> None:
    source, ends = build_sequences(data, split.weights, TRAINING), torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, 24, size=8, seed=7)
    again = SequenceBatches(source, ends, 24, size=8, seed=7)
    first, second = batches[0][1], batches[0][1]
    assert not torch.equal(first, second)
    assert torch.equal(first, again[0][1])
    assert not torch.equal(first, SequenceBatches(source, ends, 24, size=8, seed=8)[0][1])
    assert len(batches) == 3
    with pytest.raises(IndexError):
        batches[3]


def test_without_a_scale_head_the_loss_is_the_plain_huber_loss(data: TrainingSet, split: Split) -> None:
    network, metrics, _ = fit(data, split, scale_head=False)
    with torch.no_grad():
        location = network(torch.as_tensor(data.features[None], dtype=torch.float32)).location[0]
    target = torch.as_tensor(data.target, dtype=torch.float32)
    plain = huber(target - location, TRAINING.huber_delta)[split.validation].mean().item()
    assert metrics["validation_loss"] == pytest.approx(plain, abs=0.02)  # the burn-in differs, not the loss
    absolute = (target - location).abs()[split.validation].mean().item()
    assert metrics["validation_mae"] == pytest.approx(absolute, abs=0.02)


def test_nothing_is_left_on_the_disk(
    data: TrainingSet, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(data, split, TRAINING.model_copy(update={"max_epochs": 1}))
    assert list(Path().iterdir()) == []


def test_prices_that_give_no_finite_loss_are_refused(data: TrainingSet, split: Split) -> None:
    broken = TrainingSet(np.full_like(data.features, np.nan), data.target, data.session, data.start)
    with pytest.raises(ModelError, match="Expected a finite validation loss"):
        fit(broken, split, linear_skip="none")
