"""A trained model as one value, and its way to safetensors bytes and back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load, save

from forecasting.config import Frozen, ModelConfig, NetworkConfig
from forecasting.errors import ArchitectureMismatchError, DigestMismatchError, UsageError
from forecasting.faults import describe_error
from forecasting.features.registry import FEATURES, select_features
from forecasting.features.reports import PRIOR_SIZE
from forecasting.model.log_har import LogHar
from forecasting.model.network import StackedLSTM
from forecasting.model.residuals import ResidualPool
from forecasting.types import Floats

EDITION = 4  # of features and network; the fourth corrects the log-HAR regression of each horizon


class Manifest(Frozen):
    """Metadata of a model, stored beside its weights as JSON.

    A model of another edition cannot serve, even if the names of its features are the same.

    Attributes:
        edition: Of the meaning of features and network; 1 in manifests that do not name it.
        config: What defined the model before it had seen data, its price basis included.
        features: Names of the F features, in order.
        reference: Tickers whose mean is the market.
        trained_through: Last session that training or validation saw.
        left_out: Ticker of the training universe -> why it was not trained on.
        no_correction: Why the network's corrections do not enter the bands; empty where they do.
        source: Of the prices that it serves, so that equal prices of two sources make two models; empty
            outside a store.
    """

    edition: int = 1
    config: ModelConfig
    features: tuple[str, ...]
    reference: tuple[str, ...]
    trained_through: date
    left_out: dict[str, str] = Field(default_factory=dict)
    no_correction: str = ""
    source: str = ""

    @property
    def correction_weight(self) -> float:
        """Share of the network's corrections that enters the bands, 0 or 1."""
        return 0.0 if self.no_correction else 1.0


@dataclass(frozen=True)
class Model:
    """Everything a forecast needs besides prices.

    Attributes:
        manifest: Metadata.
        network: In evaluation mode.
        residuals: Noise of the simulation.
        market: (4,) coefficients of the market's log-HAR model.
        log_har: The linear part: a regression of every horizon.
        metrics: Measured on the validation sessions.
        report_size: Mean size of the reports of the training universe; None where no dates were given.
    """

    manifest: Manifest
    network: StackedLSTM
    residuals: ResidualPool
    market: Floats
    log_har: LogHar
    metrics: Mapping[str, float] = field(default_factory=dict)
    report_size: float | None = None

    @property
    def pool_report_size(self) -> float:
        """Mean size of the earnings reports of all tickers."""
        return PRIOR_SIZE if self.report_size is None else self.report_size

    @property
    def inputs(self) -> list[int]:
        """Columns of the features that the network reads."""
        return choose_inputs(self.manifest.features, self.network.config)

    def weights(self) -> bytes:
        """Return the arrays as safetensors bytes."""
        arrays = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        arrays["noise.rows"] = torch.as_tensor(self.residuals.rows, dtype=torch.float32)
        arrays["noise.weights"] = torch.as_tensor(self.residuals.weights)
        arrays["market"] = torch.as_tensor(self.market)
        if self.report_size is not None:
            arrays["report_size"] = torch.tensor([self.report_size], dtype=torch.float64)
        arrays["har.coefficients"] = torch.as_tensor(self.log_har.coefficients)
        arrays["har.quantiles"] = torch.as_tensor(self.log_har.quantiles)
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
    """Return a fresh network for a config, its initial weights drawn under the config's seed."""
    inputs = choose_inputs(select_features(config.features), config.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return StackedLSTM(config.network, len(inputs))


def choose_inputs(names: Sequence[str], config: NetworkConfig) -> list[int]:
    """Return the columns of the features that the network reads.

    All tickers share one market: a network that reads it learns the crises of its years by heart. Where no
    feature is of the ticker's own, it reads all.
    """
    of_ticker = [index for index, name in enumerate(names) if FEATURES[name].subject != "market"]
    every = list(range(len(names)))
    return every if config.market_inputs else of_ticker or every


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
        _require_edition(config)
        manifest = Manifest.model_validate_json(config)
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


def _require_edition(config: str) -> None:
    """Raise unless the manifest is of this edition; one of another may have other fields."""
    manifest = json.loads(config)
    edition = manifest.get("edition", 1) if isinstance(manifest, dict) else 1
    if edition != EDITION:
        raise UsageError(f"a model of edition {edition} where this release has edition {EDITION}")


def _require_finite(arrays: Mapping[str, torch.Tensor]) -> None:
    for name, values in arrays.items():
        if not torch.isfinite(values).all():
            raise UsageError(f"Expected finite numbers in {name}, found others.")


def _load_log_har(names: tuple[str, ...], arrays: Mapping[str, torch.Tensor]) -> LogHar:
    coefficients = _floats(arrays["har.coefficients"])
    if coefficients.shape[1] != len(names) + 1:
        raise UsageError(f"Expected {len(names) + 1} coefficients, found {coefficients.shape[1]}.")
    bounds = _floats(arrays["har.bounds"])
    if bounds.shape != (len(coefficients), 2, len(names)):
        raise UsageError(f"Expected bounds of {len(names)} features, found an array of {bounds.shape}.")
    return LogHar(names, coefficients, _floats(arrays["har.quantiles"]), bounds)


def _floats(tensor: torch.Tensor) -> Floats:
    return tensor.numpy().astype(np.float64)
