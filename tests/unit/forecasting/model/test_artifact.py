"""A model and its bytes."""

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load, save
from synthetic_prices import AS_OF

from forecasting.config import ModelConfig, NetworkConfig, SimulationConfig
from forecasting.errors import ArchitectureMismatchError, DigestMismatchError
from forecasting.features.registry import FEATURES
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import (
    EDITION,
    Model,
    build_network,
    choose_inputs,
    load_model,
    load_stored_model,
)
from forecasting.model.log_har import RESIDUAL_LEVELS, LogHar
from forecasting.model.residuals import ResidualPool
from forecasting.pipeline import Forecaster, forecast_ticker
from forecasting.types import Floats

Stored = tuple[str, bytes, str]  # version, weights, manifest


@pytest.fixture
def stored(model: Model) -> Stored:
    return model.version(), model.weights(), model.manifest.model_dump_json()


def change(config: str, *path: str, value: object) -> str:
    """The stored config with one value replaced."""
    manifest = json.loads(config)
    inner = manifest
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(manifest)


def test_a_model_read_back_gives_bit_equal_forecasts(
    model: Model,
    stored: Stored,
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_simulation: SimulationConfig,
) -> None:
    again = load_model(*stored)
    first, second = (
        forecast_ticker(Forecaster(each, market, tiny_simulation), universe[0], AS_OF).log_returns
        for each in (model, again)
    )
    assert all(np.array_equal(first[band], second[band]) for band in first)
    assert (again.version(), again.weights()) == (model.version(), model.weights())
    assert again.manifest == model.manifest


def test_the_version_is_a_function_of_the_contents(model: Model) -> None:
    assert replace(model, metrics={"validation_loss": 9.0}).version() == model.version()
    others = [
        replace(model, market=model.market + 1),
        replace(model, residuals=ResidualPool(model.residuals.rows * 2, model.residuals.weights)),
        replace(model, network=build_network(model.manifest.config)),
        replace(model, manifest=model.manifest.model_copy(update={"reference": ("OLD",)})),
        replace(model, manifest=model.manifest.model_copy(update={"source": "csv"})),
    ]
    assert len({each.version() for each in [model, *others]}) == 6
    assert model.version().startswith("2024-06-05-")


def test_the_initial_weights_depend_on_the_seed_alone(tiny_config: ModelConfig) -> None:
    def draw(seed: int) -> torch.Tensor:
        training = tiny_config.training.model_copy(update={"seed": seed})
        network = build_network(tiny_config.model_copy(update={"training": training}))
        weights: torch.Tensor = network.state_dict()["layers.0.weight_ih_l0"]
        return weights

    assert draw(1).equal(draw(1))
    assert not draw(1).equal(draw(2))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("config", "network", "hidden"), 16),
        (("config", "network", "layers"), 3),
        (("config", "network", "cell"), "gru"),
        (("config", "network", "hiden"), 8),
        (("config", "network", "dropout"), 0),
        (("features",), ["rsi"]),
        (("features",), ["rsi", "a_feature_of_another_release"]),
        (("trained_through",), "yesterday"),
    ],
)
def test_a_config_that_the_weights_do_not_fit_is_refused(
    path: tuple[str, ...], value: object, stored: Stored
) -> None:
    version, weights, config = stored
    require_refusal(version, weights, change(config, *path, value=value))


@pytest.mark.parametrize("config", ["", "{", "null", "[]", "{}", '{"config": {}}'])
def test_a_broken_config_is_refused(config: str, stored: Stored) -> None:
    require_refusal(stored[0], stored[1], config)


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: b"",
        lambda weights: weights[:-1],
        lambda weights: weights[: len(weights) // 2],
        lambda _: b"\xff" * 64,
        lambda weights: b"\x00" * 8 + weights,
        lambda _: pickle.dumps({"network.skip.weight": 1}),
    ],
    ids=["empty", "short by a byte", "half", "noise", "shifted", "a pickle"],
)
def test_broken_bytes_are_refused(broken: Callable[[bytes], bytes], stored: Stored) -> None:
    version, weights, config = stored
    require_refusal(version, broken(weights), config)


def require_refusal(version: str, weights: bytes, config: str) -> None:
    with pytest.raises(ArchitectureMismatchError) as caught:
        load_model(version, weights, config)
    sentence = str(caught.value)
    assert sentence.startswith(
        f"Expected the weights of model {version} to fit the network of this release, found "
    )
    assert sentence.endswith("; run `bandcast retrain`.")
    assert "\n" not in sentence


@pytest.mark.parametrize(("edition", "found"), [({}, 1), ({"edition": 1}, 1), ({"edition": 99}, 99)])
def test_a_model_of_another_edition_is_refused_with_a_reason(
    edition: dict[str, int], found: int, stored: Stored
) -> None:
    version, weights, config = stored
    manifest = json.loads(config)
    assert manifest.pop("edition") == EDITION
    with pytest.raises(ArchitectureMismatchError, match=f"found a model of edition {found} where"):
        load_model(version, weights, json.dumps({**manifest, **edition}))


def test_the_edition_is_looked_at_before_fields_that_this_release_does_not_know(stored: Stored) -> None:
    version, weights, config = stored
    older = {**json.loads(config), "edition": 3, "no_log_har": "", "config": {"direct_share": 0.5}}
    with pytest.raises(ArchitectureMismatchError, match="found a model of edition 3 where this release has"):
        load_model(version, weights, json.dumps(older))


@pytest.fixture
def another_release() -> Iterator[None]:
    """A registry with the same features in another order, and one more."""
    before = dict(FEATURES)
    FEATURES.clear()
    FEATURES.update({**dict(reversed(before.items())), "newcomer": before["rsi"]})
    yield
    FEATURES.clear()
    FEATURES.update(before)


@pytest.mark.usefixtures("another_release")
def test_the_features_of_a_stored_model_are_its_own_not_those_of_the_release(stored: Stored) -> None:
    again = load_model(*stored)
    assert [again.manifest.features[index] for index in again.inputs] == [
        name for name in again.manifest.features if FEATURES[name].subject != "market"
    ]
    assert again.version() == stored[0]


def test_the_network_reads_no_market_unless_it_may_or_there_is_nothing_else() -> None:
    names, config = ("market_80", "rsi", "market_94", "range_50"), NetworkConfig()
    assert choose_inputs(names, config) == [1, 3]
    assert choose_inputs(names, config.model_copy(update={"market_inputs": True})) == [0, 1, 2, 3]
    assert choose_inputs(names[::2], config) == [0, 1]


def test_a_manifest_without_what_was_left_out_is_read(model: Model, stored: Stored) -> None:
    version, weights, config = stored
    manifest = json.loads(config)
    del manifest["left_out"], manifest["no_correction"]
    read = load_model(version, weights, json.dumps(manifest)).manifest
    assert read == model.manifest.model_copy(update={"no_correction": ""})


def test_the_bytes_are_safetensors_and_no_pickle(stored: Stored) -> None:
    weights = stored[1]
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert {"market", "noise.rows", "noise.weights", "network.output.weight"} <= header.keys()
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(weights)


def test_contents_that_the_version_does_not_name_are_refused(stored: Stored) -> None:
    version, weights, config = stored
    assert load_stored_model(version, weights, config).version() == version
    flipped = weights[:-1] + bytes([weights[-1] ^ 1])
    edited = config.replace('"correction_tickers":100', '"correction_tickers":10')
    assert edited != config
    for contents in ((flipped, config), (weights, edited)):
        load_model(version, *contents)  # they fit; only the digest tells
        with pytest.raises(DigestMismatchError, match=f"config of model {version} as they were stored"):
            load_stored_model(version, *contents)
    for name in ("m1", version[:-1], "2024-06-05-0000000000"):
        with pytest.raises(DigestMismatchError):
            load_stored_model(name, weights, config)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["noise.rows", "market", "har.quantiles", "network.output.weight"])
def test_numbers_that_are_not_finite_are_refused_by_name(name: str, value: float, stored: Stored) -> None:
    version, weights, config = stored
    arrays = load(weights)
    arrays[name].view(-1)[-1] = value
    with pytest.raises(ArchitectureMismatchError, match=f"finite numbers in {name}"):
        load_model(version, save(arrays), config)


def test_the_range_of_the_fit_travels_with_a_model(model: Model, stored: Stored) -> None:
    log_har = LogHar(model.manifest.features, *draw_regression(model))
    bounded = replace(model, log_har=log_har)
    again = load_model(bounded.version(), bounded.weights(), stored[2]).log_har
    assert again is not None
    np.testing.assert_array_equal(again.bounds, log_har.bounds)
    broken = replace(model, log_har=replace(log_har, bounds=log_har.coefficients.copy()))
    require_refusal(broken.version(), broken.weights(), stored[2])


def draw_regression(model: Model) -> tuple[Floats, Floats, Floats]:
    """Coefficients, quantiles and bounds of three horizons."""
    features, rng = len(model.manifest.features), np.random.default_rng(1)
    shapes = [(3, features + 1), (3, len(RESIDUAL_LEVELS)), (3, 2, features)]
    coefficients, quantiles, bounds = (np.sort(rng.normal(size=shape), axis=1) for shape in shapes)
    return coefficients, quantiles, bounds
