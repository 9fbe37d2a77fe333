"""Network: stacked recurrent layers under explicit dropout masks, with an output for each horizon."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecasting.config import NetworkConfig

Masks = tuple[Tensor, ...]
State = tuple[tuple[Tensor, ...], ...]

_CELLS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Output(NamedTuple):
    """Output of the network.

    `correction` is (B, T, K), what is added to the log scale of the linear part at each of the K knots;
    `state` carries on where the sequence ended.
    """

    correction: Tensor
    state: State


class StackedLSTM(nn.Module):
    """Stacked LSTM with dropout after each layer and a dense head that corrects the scale of each horizon.

    The masks are arguments, never modes: without masks the network is deterministic, with the same masks it
    repeats itself, and a mask that is kept along a path is the variational dropout of Gal & Ghahramani (2016,
    arXiv 1512.05287).

    The log-HAR regression of each horizon is the network's skip: fitted before, it lies outside, and the
    network is fitted to what it leaves.

    Args:
        config: Sizes, and the K knots.
        inputs: Number of features read, F.
    """

    shrinkage: Tensor  # (K,)
    centre: Tensor  # (K,) mean of the corrections in training, which the residuals of the linear part hold

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__()
        self.config = config
        cell = _CELLS[config.cell]
        sizes = [inputs] + [config.hidden] * config.layers
        self.layers = nn.ModuleList(
            cell(size, config.hidden, batch_first=True) for size in sizes[: config.layers]
        )
        wide, narrow = config.head
        self.head = nn.Sequential(
            nn.Linear(config.hidden, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU()
        )
        self.output = nn.Linear(narrow, len(config.knots))
        nn.init.zeros_(self.output.weight)  # training starts from the linear part
        nn.init.zeros_(self.output.bias)
        self.register_buffer("shrinkage", torch.tensor(config.shrinkage), persistent=False)
        self.register_buffer("centre", torch.zeros(len(config.knots)))

    def draw_masks(self, rows: int, generator: torch.Generator) -> Masks:
        """Draw one (rows, 1, hidden) mask for each layer: 0 with probability p, otherwise 1 / (1 - p)."""
        keep = 1 - self.config.dropout
        shape = (rows, 1, self.config.hidden)
        return tuple(
            torch.bernoulli(torch.full(shape, keep), generator=generator) / keep for _ in self.layers
        )

    def forward(self, features: Tensor, masks: Masks | None = None, state: State | None = None) -> Output:
        """Read sequences (B, T, F), from `state` on, under masks that hold for the whole sequence."""
        out, states = features, []
        for index, layer in enumerate(self.layers):
            out, last = layer(out, _as_cell_state(state[index]) if state else None)
            out = out * masks[index] if masks else out
            states.append(last if isinstance(last, tuple) else (last,))
        raw = self.output(self.head(out))  # (B, T, K)
        bounded = self.config.scale_bound * torch.tanh(raw)
        return Output(self.shrinkage * bounded - self.centre, tuple(states))


def expand_state(state: State, copies: int) -> State:
    """Repeat each row of the state `copies` times: (layers, B, hidden) -> (layers, B * copies, hidden)."""
    return tuple(tuple(part.repeat_interleave(copies, dim=1) for part in layer) for layer in state)


def expand_masks(masks: Masks, copies: int) -> Masks:
    """Repeat each row of the masks `copies` times."""
    return tuple(mask.repeat_interleave(copies, dim=0) for mask in masks)


def _as_cell_state(parts: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    return parts if len(parts) > 1 else parts[0]
