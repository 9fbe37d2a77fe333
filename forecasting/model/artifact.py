"""A trained model as one value, and its way to safetensors bytes and back."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save

from forecasting.config import Frozen, ModelConfig
from forecasting.errors import ArchitectureMismatchError, UsageError
from forecasting.features.registry import VOLATILITY_FEATURES, feature_names
from forecasting.model.log_har import Har
from forecasting.model.network import StackedLSTM
from forecasting.model.residuals import NoisePool
from forecasting.types import Floats

EDITION = 2  # of the features' meaning; the second measures the market by ranges, not by closes


class Manifest(Frozen):
    """What a model is besides its weights; stored beside them as JSON.

    A model of another edition of the features cannot serve, though their names be the same.
    """

    edition: int = 1  # of manifests that do not say
    config: ModelConfig
    features: tuple[str, ...]
    reference: tuple[str, ...]
    trained_through: date


@dataclass(frozen=True)
class Model:
    """Everything a forecast needs besides prices."""

    manifest: Manifest
    network: StackedLSTM
    noise: NoisePool
    market: Floats  # (4,) coefficients of the market's log-HAR model
    har: Har | None = None  # the direct regression of every horizon; None where history was too short for it
    metrics: Mapping[str, float] = field(default_factory=dict)

    def weights(self) -> bytes:
        """The arrays as safetensors bytes."""
        arrays = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        arrays["noise.rows"] = torch.as_tensor(self.noise.rows, dtype=torch.float32)
        arrays["noise.weights"] = torch.as_tensor(self.noise.weights)
        arrays["market"] = torch.as_tensor(self.market)
        if self.har is not None:
            arrays["har.coefficients"] = torch.as_tensor(self.har.coefficients)
            arrays["har.quantiles"] = torch.as_tensor(self.har.quantiles)
        return save(arrays)

    def version(self) -> str:
        """A name that is a function of the contents: last training session and a digest."""
        digest = hashlib.sha256(self.weights() + self.manifest.model_dump_json().encode())
        return f"{self.manifest.trained_through}-{digest.hexdigest()[:10]}"


def new_network(config: ModelConfig) -> StackedLSTM:
    """A fresh network for a config, its initial weights drawn under the config's seed.

    A skip that is to see the volatility features alone sees all of them where none of those is chosen.
    """
    names = feature_names(config.features)
    skip: Sequence[int] = range(len(names))
    if config.network.linear_skip == "volatility":
        skip = [index for index, name in enumerate(names) if name in VOLATILITY_FEATURES] or skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return StackedLSTM(config.network, len(names), skip)


def load_model(version: str, weights: bytes, config: str) -> Model:
    """Rebuild a stored model.

    Raises:
        ArchitectureMismatchError: The config is not one of this release, or the weights do not fit it.
    """
    try:
        manifest = Manifest.model_validate_json(config)
        if manifest.edition != EDITION:
            raise UsageError(
                f"features of edition {manifest.edition} where this release has edition {EDITION}"
            )
        arrays = load(weights)
        network = new_network(manifest.config.model_copy(update={"features": manifest.features}))
        prefix = "network."
        state = {
            name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)
        }
        network.load_state_dict(state)
        noise = NoisePool(_floats(arrays["noise.rows"]), _floats(arrays["noise.weights"]))
        market, har = _floats(arrays["market"]), _har(manifest.features, arrays)
        return Model(manifest, network.eval(), noise, market, har)
    except (ValidationError, UsageError, RuntimeError, KeyError, SafetensorError) as error:
        raise ArchitectureMismatchError(version, " ".join(str(error).split())[:200]) from error


def _har(names: tuple[str, ...], arrays: Mapping[str, torch.Tensor]) -> Har | None:
    if "har.coefficients" not in arrays:
        return None
    coefficients, quantiles = (_floats(arrays[f"har.{name}"]) for name in ("coefficients", "quantiles"))
    if coefficients.shape[1] != len(names) + 1:
        raise UsageError(f"Expected {len(names) + 1} coefficients, found {coefficients.shape[1]}.")
    return Har(names, coefficients, quantiles)


def _floats(tensor: torch.Tensor) -> Floats:
    return tensor.numpy().astype(np.float64)
