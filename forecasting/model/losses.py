"""Losses of a forecast scale, Huber likelihood and pinball loss of its quantiles, and their minimum."""

from collections.abc import Callable

import torch
from torch import Tensor

from forecasting.model.memory import return_freed_memory


def huber(residual: Tensor, delta: float) -> Tensor:
    """Return the Huber (1964) loss, elementwise: square within `delta`, linear beyond."""
    size = residual.abs()
    return torch.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def huber_likelihood(target: Tensor, log_scale: Tensor, *, delta: float) -> Tensor:
    """Return the negative log-likelihood of the Huber density, elementwise: huber(y / s) + log s + constant.

    Its scale is in another unit than that of the linear part's density: a constant beside the log scale must
    be free, or a bounded correction saturates.
    """
    return huber(target * torch.exp(-log_scale), delta) + log_scale


def pinball_loss(target: Tensor, log_scale: Tensor, quantiles: Tensor, *, levels: Tensor) -> Tensor:
    """Return the mean pinball loss of the quantiles s x z over the levels, elementwise: about half the CRPS.

    Args:
        target: (..., K) outcomes.
        log_scale: (..., K) log s.
        quantiles: (K, Q) of the standardised outcomes, z.
        levels: (Q,) probabilities.
    """
    over = target[..., None] - torch.exp(log_scale)[..., None] * quantiles
    return torch.maximum(levels * over, (levels - 1) * over).mean(dim=-1)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of `values` under `weights`; a value of weight zero does not count, not even a NaN."""
    counted = torch.where(weights > 0, values, torch.zeros_like(values))
    return (weights * counted).sum() / weights.sum()


def minimise(loss: Callable[[Tensor], Tensor], start: Tensor, *, iterations: int) -> Tensor:
    """Return the (K,) parameters that minimise a loss by L-BFGS from `start`, with strong Wolfe steps."""
    parameters = start.clone().requires_grad_()
    solver = torch.optim.LBFGS([parameters], max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        return_freed_memory()
        solver.zero_grad()
        value = loss(parameters)
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value

    solver.step(closure)  # type: ignore[no-untyped-call]  # as above
    return parameters.detach()
