"""The Huber loss and the likelihood of the density that it belongs to."""

import torch
from torch import Tensor


def huber(residual: Tensor, delta: float) -> Tensor:
    """Huber (1964) loss, elementwise: square within `delta`, linear beyond."""
    size = residual.abs()
    return torch.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def huber_likelihood(target: Tensor, location: Tensor, log_scale: Tensor, *, delta: float) -> Tensor:
    """Negative log-likelihood of the Huber density, elementwise: huber((y - mu) / s) + log s + constant.

    With a log scale of zero it is the plain Huber loss of the location.
    """
    return huber((target - location) * torch.exp(-log_scale), delta) + log_scale


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of `values` under `weights`; where a weight is zero the value does not count, not even a NaN."""
    counted = torch.where(weights > 0, values, torch.zeros_like(values))
    return (weights * counted).sum() / weights.sum()
