"""The network against a twin written out gate by gate in numpy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from forecasting.config import Cell, NetworkConfig
from forecasting.model.network import Masks, StackedLSTM, expand_masks, expand_state
from forecasting.types import Floats

ROWS, STEPS, INPUTS = 3, 11, 5
KNOTS: dict[str, Any] = {"knots": (1, 10), "shrinkage": (0.8, 0.25)}


@pytest.fixture
def network() -> StackedLSTM:
    return shaken(NetworkConfig(hidden=6, layers=3, head=(5, 4), scale_bound=0.9, **KNOTS))


def shaken(config: NetworkConfig) -> StackedLSTM:
    """A network without the zeros that it starts from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = StackedLSTM(config, INPUTS)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        network.centre += torch.linspace(0.1, 0.2, len(config.knots))
    return network


@pytest.fixture
def features() -> Tensor:
    return torch.randn(ROWS, STEPS, INPUTS, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def masks(network: StackedLSTM) -> Masks:
    return network.draw_masks(ROWS, torch.Generator().manual_seed(2))


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def arrays_of(network: StackedLSTM) -> dict[str, Floats]:
    return {name: value.double().numpy() for name, value in network.state_dict().items()}


def twin_layer(inputs: Floats, arrays: dict[str, Floats], layer: int) -> Floats:
    """One LSTM layer: (B, T, in) -> (B, T, hidden), the gates in torch's order i, f, g, o."""
    weight_in, weight_hidden, bias_in, bias_hidden = (
        arrays[f"layers.{layer}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    hidden = cell = np.zeros((len(inputs), weight_hidden.shape[1]))
    outputs = []
    for step in inputs.transpose(1, 0, 2):
        raw = step @ weight_in.T + bias_in + hidden @ weight_hidden.T + bias_hidden
        i, f, g, o = np.split(raw, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        outputs.append(hidden)
    return np.stack(outputs, axis=1)


def twin_network(network: StackedLSTM, features: Tensor, masks: Masks) -> Floats:
    arrays, config = arrays_of(network), network.config
    out = features.double().numpy()
    for layer in range(config.layers):
        out = twin_layer(out, arrays, layer) * masks[layer].double().numpy()
    for dense in ("head.0", "head.2"):
        out = np.maximum(out @ arrays[f"{dense}.weight"].T + arrays[f"{dense}.bias"], 0)
    raw = out @ arrays["output.weight"].T + arrays["output.bias"]
    bounded: Floats = config.scale_bound * np.tanh(raw) * np.array(config.shrinkage) - arrays["centre"]
    return bounded


def test_the_network_is_its_equations(network: StackedLSTM, features: Tensor, masks: Masks) -> None:
    with torch.no_grad():
        found = network(features, masks).correction
    assert found.shape == (ROWS, STEPS, 2)
    np.testing.assert_allclose(found, twin_network(network, features, masks), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_carried_state_equals_one_long_pass(cell: Cell, features: Tensor) -> None:
    network = shaken(NetworkConfig(cell=cell, hidden=6, head=(5, 4)))
    masks = network.draw_masks(ROWS, torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = network(features, masks)
        state = network(features[:, :4], masks).state
        for step in range(4, STEPS):
            out = network(features[:, step : step + 1], masks, state)
            state = out.state
            torch.testing.assert_close(out.correction[:, 0], whole.correction[:, step])


def test_masks_are_fixed_along_the_sequence_and_keep_the_mean(network: StackedLSTM) -> None:
    drawn = network.draw_masks(2000, torch.Generator().manual_seed(0))
    assert [mask.shape for mask in drawn] == [(2000, 1, 6)] * 3  # one step broadcasts over all
    assert sorted(set(torch.cat(drawn).flatten().tolist())) == pytest.approx([0.0, 1 / 0.8])
    assert torch.cat(drawn).mean().item() == pytest.approx(1, abs=0.02)
    assert not torch.equal(drawn[0], drawn[1])


def test_dropout_lives_in_the_masks_alone(network: StackedLSTM, features: Tensor, masks: Masks) -> None:
    with torch.no_grad():
        plain = network.train()(features)
        assert torch.equal(network.eval()(features).correction, plain.correction)
        assert torch.equal(network(features, masks).correction, network(features, masks).correction)
        assert not torch.equal(network(features, masks).correction, plain.correction)


def test_expansion_repeats_each_row_beside_itself(
    network: StackedLSTM, features: Tensor, masks: Masks
) -> None:
    with torch.no_grad():
        out = network(features, masks)
        wide = network(
            features[:, :1].repeat_interleave(4, 0), expand_masks(masks, 4), expand_state(out.state, 4)
        )
        narrow = network(features[:, :1], masks, out.state)
    torch.testing.assert_close(wide.correction, narrow.correction.repeat_interleave(4, 0))


def test_one_row_under_the_masks_of_many_runs_is_read_by_each(
    network: StackedLSTM, features: Tensor, masks: Masks
) -> None:
    with torch.no_grad():
        shared = network(features[:1], masks).correction
        repeated = network(features[:1].expand(ROWS, -1, -1), masks).correction
    torch.testing.assert_close(shared, repeated)


def test_a_new_network_corrects_nothing(features: Tensor) -> None:
    out = StackedLSTM(NetworkConfig(hidden=6, head=(5, 4)), INPUTS)(features)
    assert out.correction.shape == (ROWS, STEPS, 5)
    assert not out.correction.any()


def test_a_correction_keeps_its_bound_which_shrinks_with_the_horizon(features: Tensor) -> None:
    network = shaken(NetworkConfig(hidden=6, head=(5, 4)))
    with torch.no_grad():
        network.output.weight.mul_(1e3)
        network.centre.zero_()
        largest = network(features).correction.abs().amax(dim=(0, 1))
    torch.testing.assert_close(largest, 0.5 * torch.tensor([1.0, 0.7, 0.5, 0.35, 0.25]))
