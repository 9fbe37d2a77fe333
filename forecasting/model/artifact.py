"""A trained model as one value, and its way to safetensors bytes and back."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load, save

from forecasting.config import Frozen, ModelConfig
from forecasting.errors import ArchitectureMismatchError, DigestMismatchError, UsageError
from forecasting.faults import describe_error
from forecasting.features.registry import FEATURES, select_features
from forecasting.features.reports import PRIOR_SIZE
from forecasting.model.log_har import LogHar
from forecasting.model.network import StackedLSTM
from forecasting.model.residuals import ResidualPool
from forecasting.types import Floats

EDITION = 3  # of the features' meaning; the third computes them from daily returns made once a ticker


class Manifest(Frozen):
    """Metadata of a model, stored beside its weights as JSON.

    A model of another edition of the features cannot serve, even if their names are the same.

    Attributes:
        edition: Of the features; 1 in manifests that do not name it.
        config: What defined the model before it had seen data, its price basis included.
        features: Names of the F features, in order.
        reference: Tickers whose mean is the market.
        trained_through: Last session that training or validation saw.
        left_out: Ticker of the training universe -> why it was not trained on.
        no_log_har: Why there is no direct regression; empty where there is one.
    """

    edition: int = 1
    config: ModelConfig
    features: tuple[str, ...]
    reference: tuple[str, ...]
    trained_through: date
    left_out: dict[str, str] = Field(default_factory=dict)
    no_log_har: str = ""


@dataclass(frozen=True)
class Model:
    """Everything a forecast needs besides prices.

    Attributes:
        manifest: Metadata.
        network: In evaluation mode.
        residuals: Noise of the simulation.
        market: (4,) coefficients of the market's log-HAR model.
        log_har: The direct regression of every horizon; None where history was too short for it.
        metrics: Measured on the validation sessions.
        report_size: Mean size of the reports of the training universe; None where no dates were given.
    """

    manifest: Manifest
    network: StackedLSTM
    residuals: ResidualPool
    market: Floats
    log_har: LogHar | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    report_size: float | None = None

    @property
    def pool_report_size(self) -> float:
        """Mean size of the earnings reports of all tickers."""
        return PRIOR_SIZE if self.report_size is None else self.report_size

    def weights(self) -> bytes:
        """Return the arrays as safetensors bytes."""
        arrays = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        arrays["noise.rows"] = torch.as_tensor(self.residuals.rows, dtype=torch.float32)
        arrays["noise.weights"] = torch.as_tensor(self.residuals.weights)
        arrays["market"] = torch.as_tensor(self.market)
        if self.report_size is not None:
            arrays["report_size"] = torch.tensor([self.report_size], dtype=torch.float64)
        if self.log_har is not None:
            arrays["har.coefficients"] = torch.as_tensor(self.log_har.coefficients)
            arrays["har.quantiles"] = torch.as_tensor(self.log_har.quantiles)
            if self.log_har.bounds is not None:
                arrays["har.bounds"] = torch.as_tensor(self.log_har.bounds)
        return save(arrays)

    def version(self) -> str:
        """Return a name that is a function of the contents: last training session and a digest."""
        digest = digest_model(self.weights(), self.manifest.model_dump_json())
        return f"{self.manifest.trained_through}-{digest}"


def digest_model(weights: bytes, config: str) -> str:
    """Return the digest of a model's bytes and manifest that its version ends in, 10 hex digits."""
    return hashlib.sha256(weights + config.encode()).hexdigest()[:10]


def build_network(config: ModelConfig) -> StackedLSTM:
    """Return a fresh network for a config, its initial weights drawn under the config's seed.

    A skip of the volatility features alone sees all features where none of those is chosen.
    """
    names = select_features(config.features)
    skip: Sequence[int] = range(len(names))
    if config.network.linear_skip == "volatility":
        skip = [index for index, name in enumerate(names) if FEATURES[name].subject != "direction"] or skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return StackedLSTM(config.network, len(names), skip)


def load_stored_model(version: str, weights: bytes, config: str) -> Model:
    """Rebuild a model of the store, whose version names its contents.

    Raises:
        ArchitectureMismatchError: As `load_model`.
        DigestMismatchError: The contents are not those that the version names.
    """
    model = load_model(version, weights, config)  # first, for a better sentence about another release's model
    digest = digest_model(weights, config)
    if not version.endswith(f"-{digest}"):
        raise DigestMismatchError(version, digest)
    return model


def load_model(version: str, weights: bytes, config: str) -> Model:
    """Rebuild a stored model.

    Raises:
        ArchitectureMismatchError: The config is not one of this release, the weights do not fit it, or a
            number among them is not finite.
    """
    try:
        manifest = Manifest.model_validate_json(config)
        if manifest.edition != EDITION:
            raise UsageError(
                f"features of edition {manifest.edition} where this release has edition {EDITION}"
            )
        arrays = load(weights)
        _require_finite(arrays)
        network = build_network(manifest.config.model_copy(update={"features": manifest.features}))
        prefix = "network."
        state = {
            name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)
        }
        network.load_state_dict(state)
        residuals = ResidualPool(_floats(arrays["noise.rows"]), _floats(arrays["noise.weights"]))
        log_har = _load_log_har(manifest.features, arrays)
        size = float(arrays["report_size"][0]) if "report_size" in arrays else None
        return Model(
            manifest, network.eval(), residuals, _floats(arrays["market"]), log_har, report_size=size
        )
    except MemoryError:
        raise
    except Exception as error:  # whatever bytes of another kind make the libraries raise
        raise ArchitectureMismatchError(version, describe_error(error)) from error


def _require_finite(arrays: Mapping[str, torch.Tensor]) -> None:
    for name, values in arrays.items():
        if not torch.isfinite(values).all():
            raise UsageError(f"Expected finite numbers in {name}, found others.")


def _load_log_har(names: tuple[str, ...], arrays: Mapping[str, torch.Tensor]) -> LogHar | None:
    if "har.coefficients" not in arrays:
        return None
    coefficients = _floats(arrays["har.coefficients"])
    if coefficients.shape[1] != len(names) + 1:
        raise UsageError(f"Expected {len(names) + 1} coefficients, found {coefficients.shape[1]}.")
    bounds = _floats(arrays["har.bounds"]) if "har.bounds" in arrays else None
    if bounds is not None and bounds.shape != (len(coefficients), 2, len(names)):
        raise UsageError(f"Expected bounds of {len(names)} features, found an array of {bounds.shape}.")
    return LogHar(names, coefficients, _floats(arrays["har.quantiles"]), bounds)


def _floats(tensor: torch.Tensor) -> Floats:
    return tensor.numpy().astype(np.float64)
