"""Fitting a network: what it learns, the weights that are kept, and no global state that stays changed."""

from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.config import Loss, NetworkConfig, TrainingConfig
from forecasting.errors import ModelError
from forecasting.model.dataset import Split, TrainingSet, build_sequences, split_by_session, tile_ends
from forecasting.model.lightning_module import SequenceBatches
from forecasting.model.log_har import RESIDUAL_LEVELS, LogHar
from forecasting.model.losses import huber_likelihood, weighted_mean
from forecasting.model.network import StackedLSTM
from forecasting.model.training import fit_constant, fit_network
from forecasting.types import Floats

ROWS, INPUTS, KNOTS = 500, 3, (1, 3)
TINY = NetworkConfig(hidden=8, layers=1, head=(8, 4), knots=KNOTS, shrinkage=(1.0, 0.5))
TRAINING = TrainingConfig(lookback=10, segment=20, history_sessions=450, max_epochs=6, batch_size=8)
NORMAL = np.array([NormalDist().inv_cdf(level) for level in RESIDUAL_LEVELS])
# What it knows is out of the targets already.
LINEAR = LogHar((), np.zeros((3, 1)), np.tile(NORMAL, (3, 1)), np.zeros((3, 2, 0)))


class Fit(NamedTuple):
    """A fitted network, the metrics that were kept and those of every epoch."""

    network: StackedLSTM
    metrics: dict[str, float]
    epochs: list[tuple[int, dict[str, float]]]


@pytest.fixture(scope="module")
def data() -> TrainingSet:
    """Outcomes of one and of three sessions whose scale one feature knows, about a level that none does."""
    rng = np.random.default_rng(4)
    features = rng.normal(0, 1, (ROWS, INPUTS))
    log_scale = 0.5 + 0.4 * np.tanh(2 * features[:, :1]) * np.array([1.0, 0.5])
    target = np.exp(log_scale) * rng.standard_normal((ROWS, 2))
    days = pd.bdate_range("2022-01-03", periods=ROWS).to_numpy("datetime64[D]")
    closes = days[np.minimum(np.arange(ROWS)[:, None] + KNOTS, ROWS - 1)]
    for index, h in enumerate(KNOTS):
        target[-h:, index] = np.nan
    return TrainingSet(
        features.astype(np.float32),
        target,
        days,
        closes,
        start=np.zeros(ROWS, np.int64),
        rows=np.arange(ROWS),
    )


@pytest.fixture(scope="module")
def split(data: TrainingSet) -> Split:
    return split_by_session(data, TRAINING)


def make_network(seed: int = 7) -> StackedLSTM:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StackedLSTM(TINY, INPUTS)


def fit(data: TrainingSet, split: Split, training: TrainingConfig = TRAINING) -> Fit:
    network, epochs = make_network(), list[tuple[int, dict[str, float]]]()
    metrics = fit_network(
        network, data, split, linear=LINEAR, config=training, on_epoch=lambda *epoch: epochs.append(epoch)
    )
    return Fit(network.eval(), metrics, epochs)


def correct(network: StackedLSTM, data: TrainingSet) -> Floats:
    """(R, K) corrections in one long pass."""
    with torch.no_grad():
        out: Floats = network(torch.as_tensor(data.features[None], dtype=torch.float32)).correction[0].numpy()
    return out


@pytest.mark.parametrize("loss", ["huber", "pinball"])
def test_the_fitted_network_reads_the_signal_at_every_knot(
    loss: Loss, data: TrainingSet, split: Split
) -> None:
    training = TRAINING.model_copy(update={"max_epochs": 40, "learning_rate": 0.01, "loss": loss})
    network, _, epochs = fit(data, split, training)
    found = correct(network, data)[20:]
    known = np.tanh(2 * data.features[20:, 0])
    assert epochs[-1][1]["training_loss"] < epochs[0][1]["training_loss"]
    for column in found.T:
        assert np.corrcoef(column, known)[0, 1] > 0.8
    assert 1.2 < np.ptp(found[:, 0]) / np.ptp(found[:, 1]) < 4  # the bound is half as large


def test_corrections_have_no_mean_over_the_training_rows(data: TrainingSet, split: Split) -> None:
    """The level of the scale, which no feature knows, is left to the residual quantiles."""
    training = TRAINING.model_copy(update={"max_epochs": 20, "learning_rate": 0.01})
    network = fit(data, split, training).network
    source = build_sequences(data, split.weights, training)
    features, _, weights = source.gather(torch.as_tensor(tile_ends(split.training, data, 20)))
    with torch.no_grad():
        correction = network(features).correction
    mean = (correction * weights).sum(dim=(0, 1)) / weights.sum(dim=(0, 1))
    assert correction.abs().max() > 0.1
    assert mean.tolist() == pytest.approx([0, 0], abs=1e-5)


def test_the_free_constant_starts_at_the_best_scale_that_never_moves(data: TrainingSet, split: Split) -> None:
    def loss(target: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
        return huber_likelihood(target, log_scale, delta=TRAINING.huber_delta)

    found = fit_constant(data, split, loss)
    weights = torch.as_tensor(split.weights)
    target = torch.where(weights > 0, torch.as_tensor(data.target), torch.zeros(1, dtype=torch.float64))
    grid = torch.linspace(-0.5, 1.0, 301, dtype=torch.float64)
    for index in range(2):
        own = [
            weighted_mean(loss(target[:, index], each.expand(ROWS)), weights[:, index]).item()
            for each in grid
        ]
        assert found[index].item() == pytest.approx(grid[int(np.argmin(own))].item(), abs=0.01)


def test_the_kept_weights_are_those_of_the_best_epoch(data: TrainingSet, split: Split) -> None:
    restless = TRAINING.model_copy(
        update={"learning_rate": 0.2, "max_epochs": 14}
    )  # the 14th is not the best
    network, metrics, epochs = fit(data, split, restless)
    losses = [each["validation_loss"] for _, each in epochs]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # else the last epoch would prove nothing
    assert metrics == {**epochs[best][1], "best_epoch": best}
    shorter = fit(data, split, restless.model_copy(update={"max_epochs": best + 1})).network
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, shorter.state_dict()[name])


def test_training_stops_when_patience_is_spent(data: TrainingSet, split: Split) -> None:
    restless = TRAINING.model_copy(update={"learning_rate": 0.2, "max_epochs": 40, "patience": 2})
    _, metrics, epochs = fit(data, split, restless)
    assert len(epochs) == metrics["best_epoch"] + 1 + 2
    assert len(epochs) < 40


def test_every_epoch_is_reported_with_all_of_its_losses(data: TrainingSet, split: Split) -> None:
    _, _, epochs = fit(data, split, TRAINING.model_copy(update={"max_epochs": 2}))
    assert [epoch for epoch, _ in epochs] == [0, 1]
    assert all(losses.keys() == {"training_loss", "validation_loss", "steps"} for _, losses in epochs)


@pytest.mark.parametrize(
    ("bounds", "steps"),
    [
        ({"batch_size": 4}, [6, 12, 18, 24, 30, 36]),
        ({"batch_size": 4, "max_steps": 17}, [6, 12]),
        ({"batch_size": 4, "epoch_steps": 2, "max_steps": 6}, [2, 4, 6]),
        ({"batch_size": 4, "max_steps": 3}, [3]),
    ],
)
def test_steps_are_bounded_and_each_epoch_ends_with_a_validation(
    bounds: dict[str, int], steps: list[int], data: TrainingSet, split: Split
) -> None:
    """A few more than 400 rows in segments of 20 are 21 sequences."""
    _, _, epochs = fit(data, split, TRAINING.model_copy(update=bounds))
    assert [losses["steps"] for _, losses in epochs] == steps


def test_window_mode_scores_every_target_once_an_epoch(data: TrainingSet, split: Split) -> None:
    window = TRAINING.model_copy(update={"mode": "window"})
    source = build_sequences(data, split.weights, window)
    ends = torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, len(ends) + 1, size=8, seed=7)
    for _ in range(2):
        scored = [target[..., 0][weights[..., 0] > 0] for _, target, weights in batches]
        assert sorted(torch.cat(scored).tolist()) == sorted(source.target[ends, 0].tolist())


def test_each_epoch_has_its_own_order_and_every_seed_its_own(data: TrainingSet, split: Split) -> None:
    source, ends = build_sequences(data, split.weights, TRAINING), torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, 24, size=8, seed=7)
    again = SequenceBatches(source, ends, 24, size=8, seed=7)
    other = SequenceBatches(source, ends, 24, size=8, seed=8)
    first, second = next(iter(batches)).target, next(iter(batches)).target
    assert not torch.equal(first, second)
    assert torch.equal(first, next(iter(again)).target)
    assert not torch.equal(first, next(iter(other)).target)
    assert len(batches) == len(list(batches)) == 3


def test_nothing_is_left_on_the_disk(
    data: TrainingSet, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(data, split, TRAINING.model_copy(update={"max_epochs": 1}))
    assert list(Path().iterdir()) == []


def test_prices_that_give_no_finite_loss_are_refused(data: TrainingSet, split: Split) -> None:
    broken = replace(data, features=np.full_like(data.features, np.nan))
    with pytest.raises(ModelError, match="Expected a finite validation loss"):
        fit(broken, split)
