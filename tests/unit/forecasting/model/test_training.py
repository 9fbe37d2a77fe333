"""Fitting: what is learnt, what is kept, and what is left behind (nothing)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.config import ModelConfig, NetworkConfig, TrainingConfig
from forecasting.errors import ModelError
from forecasting.features.registry import FEATURES
from forecasting.model.artifact import new_network
from forecasting.model.dataset import Pool, chronological_split, sequences, tiling_ends
from forecasting.model.lightning_module import SequenceBatches
from forecasting.model.losses import huber, huber_likelihood, weighted_mean
from forecasting.model.training import fit_network, fit_skip
from forecasting.pipeline import fit_model, make_forecast
from forecasting.prices.history import PriceHistory

ROWS = 500
TINY = NetworkConfig(hidden=8, layers=1, head=(8, 4))
TRAINING = TrainingConfig(lookback=10, segment=20, history_sessions=450, max_epochs=6, batch_size=8)


@pytest.fixture(scope="module")
def pool():
    """Clustered volatility, told by one feature that only the network sees and by one of the linear skip."""
    rng = np.random.default_rng(4)
    names = list(FEATURES)
    features = rng.normal(0, 1, (ROWS, len(names)))
    log_scale = 0.8 * np.tanh(features[:, names.index("rsi")]) + 0.4 * features[:, names.index("range_50")]
    target = np.append(np.exp(log_scale[:-1]) * rng.standard_normal(ROWS - 1), np.nan)
    days = pd.bdate_range("2022-01-03", periods=ROWS).to_numpy("datetime64[D]")
    return Pool(features, target, days, np.zeros(ROWS, np.int64))


@pytest.fixture(scope="module")
def split(pool):
    return chronological_split(pool, TRAINING)


def network_of(training=TRAINING, **changes):
    return new_network(ModelConfig(network=TINY.model_copy(update=changes), training=training))


def fitted(pool, split, training=TRAINING, **changes):
    """A fitted network, its metrics and what each epoch reported."""
    network, epochs = network_of(training, **changes), []
    metrics = fit_network(network, pool, split, training, lambda epoch, told: epochs.append((epoch, told)))
    return network.eval(), metrics, epochs


def loss_on(network, pool, rows, weights):
    with torch.no_grad():
        out = network(torch.as_tensor(pool.features[None], dtype=torch.float32))
        target = torch.as_tensor(pool.target[None], dtype=torch.float32)
        loss = huber_likelihood(target, out.location, out.log_scale, TRAINING.huber_delta)[0, rows]
    return weighted_mean(loss, torch.as_tensor(weights, dtype=torch.float32)).item()


def best_constant(pool, split):
    """Loss of the best scale that never moves: what can be had without reading the features."""
    target = torch.as_tensor(pool.target[split.training], dtype=torch.float32)
    weights = torch.as_tensor(split.weights[split.training], dtype=torch.float32)
    none = torch.zeros_like(target)
    losses = [huber_likelihood(target, none, none + s, TRAINING.huber_delta) for s in np.linspace(-1, 1, 41)]
    return min(weighted_mean(loss, weights).item() for loss in losses)


@pytest.mark.parametrize("linear_skip", ["all", "none"])
def test_the_fitted_network_reads_the_signal(linear_skip, pool, split):
    training = TRAINING.model_copy(update={"max_epochs": 25, "learning_rate": 0.01})
    network, _, epochs = fitted(pool, split, training, linear_skip=linear_skip)
    learnt = loss_on(network, pool, split.training, split.weights[split.training])
    assert learnt < best_constant(pool, split) - 0.02
    assert epochs[-1][1]["training_loss"] < epochs[0][1]["training_loss"]


def test_the_linear_part_beats_zero_and_is_where_training_starts(pool, split):
    network, weights = network_of(), split.weights[split.training]
    before = loss_on(network, pool, split.training, weights)
    fit_skip(network, pool, split, TRAINING)
    assert loss_on(network, pool, split.training, weights) < min(before, best_constant(pool, split)) - 0.02
    start = network.skip.weight.detach().clone()
    gentle = TRAINING.model_copy(update={"learning_rate": 1e-7, "max_epochs": 1})
    network, _, _ = fitted(pool, split, gentle)
    torch.testing.assert_close(network.skip.weight.detach(), start, atol=1e-5, rtol=0)


@pytest.mark.parametrize("changes", [{"linear_skip": "none"}, {"scale_head": False}])
def test_without_a_skip_there_is_nothing_to_start_from(changes, pool, split):
    network = network_of(**changes)
    fit_skip(network, pool, split, TRAINING)
    assert not network.skip.weight.any()


def test_the_kept_weights_are_those_of_the_best_epoch(pool, split):
    restless = TRAINING.model_copy(
        update={"learning_rate": 0.2, "max_epochs": 14}
    )  # the 14th is not the best
    network, metrics, epochs = fitted(pool, split, restless)
    losses = [told["validation_loss"] for _, told in epochs]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # else the last epoch would prove nothing
    assert metrics == {**epochs[best][1], "best_epoch": best}
    assert validation_loss(network, pool, split) == pytest.approx(min(losses), abs=1e-5)


def validation_loss(network, pool, split):
    held_out = np.zeros(ROWS)
    held_out[split.validation] = 1
    source = sequences(pool, held_out, TRAINING)
    features, target, weights = source.batch(torch.as_tensor(tiling_ends(split.validation, pool, 20)))
    with torch.no_grad():
        out = network(features)
        loss = huber_likelihood(target, out.location, out.log_scale, TRAINING.huber_delta)
    return weighted_mean(loss, weights).item()


def test_training_stops_when_patience_is_spent(pool, split):
    restless = TRAINING.model_copy(update={"learning_rate": 0.2, "max_epochs": 40, "patience": 2})
    _, metrics, epochs = fitted(pool, split, restless)
    assert len(epochs) == metrics["best_epoch"] + 1 + 2
    assert len(epochs) < 40


def test_every_epoch_is_reported_with_all_of_its_losses(pool, split):
    _, _, epochs = fitted(pool, split, TRAINING.model_copy(update={"max_epochs": 2}))
    assert [epoch for epoch, _ in epochs] == [0, 1]
    assert all(told.keys() == {"training_loss", "validation_loss", "validation_mae"} for _, told in epochs)


@pytest.mark.parametrize("mode", ["sequence", "window"])
def test_two_fits_have_the_same_bytes(mode, histories, tiny_config):
    training = tiny_config.training.model_copy(
        update={"mode": mode, "max_epochs": 1, "history_sessions": 150}
    )
    config = tiny_config.model_copy(update={"training": training})
    torch.manual_seed(1)
    one = fit_model(histories, histories[0].last_session, config, lambda *_: None)
    torch.manual_seed(2)
    other = fit_model(histories, histories[0].last_session, config, lambda *_: None)
    assert one.weights() == other.weights()


def test_window_mode_scores_every_target_once_an_epoch(pool, split):
    window = TRAINING.model_copy(update={"mode": "window"})
    source = sequences(pool, split.weights, window)
    ends = torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, len(ends) + 1, 8, seed=7)
    for _ in range(2):
        scored = [target[weights > 0] for _, target, weights in (batches[i] for i in range(len(batches)))]
        assert sorted(torch.cat(scored).tolist()) == sorted(source.target[ends].tolist())


def test_each_epoch_has_its_own_order_and_every_seed_its_own(pool, split):
    source, ends = sequences(pool, split.weights, TRAINING), torch.as_tensor(split.training)
    batches = SequenceBatches(source, ends, 24, 8, seed=7)
    again = SequenceBatches(source, ends, 24, 8, seed=7)
    first, second = batches[0][1], batches[0][1]
    assert not torch.equal(first, second)
    assert torch.equal(first, again[0][1])
    assert not torch.equal(first, SequenceBatches(source, ends, 24, 8, seed=8)[0][1])
    assert len(batches) == 3
    with pytest.raises(IndexError):
        batches[3]


def test_without_a_scale_head_the_loss_is_the_plain_huber_loss(pool, split):
    network, metrics, _ = fitted(pool, split, scale_head=False)
    with torch.no_grad():
        location = network(torch.as_tensor(pool.features[None], dtype=torch.float32)).location[0]
    target = torch.as_tensor(pool.target, dtype=torch.float32)
    plain = huber(target - location, TRAINING.huber_delta)[split.validation].mean().item()
    assert metrics["validation_loss"] == pytest.approx(plain, abs=0.02)  # the burn-in differs, not the loss
    absolute = (target - location).abs()[split.validation].mean().item()
    assert metrics["validation_mae"] == pytest.approx(absolute, abs=0.02)


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_cells_train_and_forecast(cell, histories, market, tiny_config, tiny_simulation):
    network = tiny_config.network.model_copy(update={"cell": cell})
    as_of = histories[0].last_session
    model = fit_model(histories, as_of, tiny_config.model_copy(update={"network": network}), lambda *_: None)
    found = make_forecast(model, histories[0], market, [as_of] * 5, tiny_simulation)
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_nothing_is_left_on_the_disk(pool, split, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted(pool, split, TRAINING.model_copy(update={"max_epochs": 1}))
    assert list(Path().iterdir()) == []


def test_prices_that_give_no_finite_loss_are_refused(pool, split):
    broken = Pool(np.full_like(pool.features, np.nan), pool.target, pool.session, pool.start)
    with pytest.raises(ModelError, match="Expected a finite validation loss"):
        fitted(broken, split, linear_skip="none")


@pytest.mark.parametrize(
    "close",
    [
        lambda place: 5 + 0 * place,
        lambda place: 5 + 1e-9 * np.sin(place),
        lambda place: np.where(place < 250, 5.0, 200.0),
        lambda place: np.where(place % 2 == 0, 5.0, 200.0),
    ],
    ids=["flat", "nearly flat", "one jump", "forty-fold moves"],
)
def test_one_degenerate_ticker_does_not_spoil_the_pool(close, make_history, histories, tiny_config):
    history = make_history("ODD", 350, seed=8)
    prices = dict.fromkeys(["open", "high", "low", "close"], close(np.arange(350.0)))
    odd = PriceHistory("ODD", history.bars.assign(**prices), history.actions)
    model = fit_model([*histories, odd], histories[0].last_session, tiny_config, lambda *_: None)
    assert np.isfinite(model.metrics["validation_loss"])
    assert all(value.isfinite().all() for value in model.network.state_dict().values())


def test_a_model_may_do_without_volatility_features(histories, market, tiny_config, tiny_simulation):
    as_of = histories[0].last_session
    config = tiny_config.model_copy(update={"features": ("rsi", "momentum")})
    model = fit_model(histories, as_of, config, lambda *_: None)
    found = make_forecast(model, histories[0], market, [as_of] * 5, tiny_simulation)
    assert model.manifest.features == ("rsi", "momentum")
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_too_little_history_is_refused(make_history, tiny_config):
    short = [make_history("YOUNG", 60, seed=1)]
    with pytest.raises(ModelError, match="at least one ticker with enough history"):
        fit_model(short, short[0].last_session, tiny_config, lambda *_: None)
    scarce = [make_history("SCARCE", 90, seed=1)]
    with pytest.raises(ModelError, match="Expected at least 20 sessions to train on"):
        fit_model(scarce, scarce[0].last_session, tiny_config, lambda *_: None)


def test_no_ticker_at_all_is_refused(tiny_config):
    with pytest.raises(ModelError, match="ingest them first"):
        fit_model([], pd.Timestamp("2024-06-05").date(), tiny_config, lambda *_: None)


def test_a_ticker_too_young_to_train_on_changes_no_weight_of_the_network(
    make_history, histories, tiny_config
):
    as_of = histories[0].last_session
    with_young = [*histories, make_history("YOUNG", 60, seed=9)]
    one = fit_model(histories, as_of, tiny_config, lambda *_: None)
    other = fit_model(with_young, as_of, tiny_config, lambda *_: None)
    assert other.manifest.reference == ("COIN", "NEW", "OLD", "YOUNG")
    assert one.weights() == other.weights()
