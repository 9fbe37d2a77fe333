"""Network: stacked recurrent layers under explicit dropout masks, and a linear log-HAR skip."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecasting.config import NetworkConfig

Masks = tuple[Tensor, ...]
State = tuple[tuple[Tensor, ...], ...]

LARGEST_LOG_SCALE = 4.0  # e^4 is 55 times the current volatility
_CELLS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Output(NamedTuple):
    """Output of the network for the next session, in units of current volatility.

    `location` and `log_scale` are (B, T); `state` carries on where the sequence ended.
    """

    location: Tensor
    log_scale: Tensor
    state: State


class StackedLSTM(nn.Module):
    """Stacked LSTM with dropout after each layer, a dense head, and a linear skip to the log scale.

    The masks are arguments, never modes: without masks the network is deterministic, with the same masks it
    repeats itself, and a mask that is kept along a path is the variational dropout of Gal & Ghahramani (2016,
    arXiv 1512.05287).

    Args:
        config: Sizes.
        inputs: Number of features, F.
        skip_inputs: Columns of the features that the linear skip sees.
    """

    def __init__(self, config: NetworkConfig, inputs: int, skip_inputs: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.skip_inputs = list(skip_inputs)
        cell = _CELLS[config.cell]
        sizes = [inputs] + [config.hidden] * config.layers
        self.layers = nn.ModuleList(
            cell(size, config.hidden, batch_first=True) for size in sizes[: config.layers]
        )
        wide, narrow = config.head
        self.head = nn.Sequential(
            nn.Linear(config.hidden, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU()
        )
        self.output = nn.Linear(narrow, 2)
        self.skip = nn.Linear(len(self.skip_inputs), 1)
        self._zero_output()

    def _zero_output(self) -> None:
        """Set the last dense layer and the skip to zero: the random walk with EWMA volatility."""
        for layer in (self.output, self.skip):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

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
        raw = self.output(self.head(out))  # (B, T, 2)
        location = self.config.location_bound * torch.tanh(raw[..., 0])
        return Output(location, self._log_scale(features, raw[..., 1]), tuple(states))

    def _log_scale(self, features: Tensor, correction: Tensor) -> Tensor:
        if not self.config.scale_head:
            return torch.zeros_like(correction)
        bound = self.config.scale_bound
        bounded = bound * torch.tanh(correction / bound)
        return bounded if self.config.linear_skip == "none" else bounded + self.linear_part(features)

    def linear_part(self, features: Tensor) -> Tensor:
        """(B, T) log scale of the linear log-HAR term alone, in [-4, 4].

        Without the bound one flat ticker, ever likelier as s falls to 0, would drag the pool out of floats.
        """
        linear: Tensor = self.skip(features[..., self.skip_inputs])[..., 0]
        return linear.clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)


def expand_state(state: State, copies: int) -> State:
    """Repeat each row of the state `copies` times: (layers, B, hidden) -> (layers, B * copies, hidden)."""
    return tuple(tuple(part.repeat_interleave(copies, dim=1) for part in layer) for layer in state)


def expand_masks(masks: Masks, copies: int) -> Masks:
    """Repeat each row of the masks `copies` times."""
    return tuple(mask.repeat_interleave(copies, dim=0) for mask in masks)


def _as_cell_state(parts: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    return parts if len(parts) > 1 else parts[0]
