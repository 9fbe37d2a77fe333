"""A model and its bytes."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import ArchitectureMismatchError
from forecasting.features.registry import FEATURES, VOLATILITY_FEATURES
from forecasting.model.artifact import NoisePool, load_model, new_network
from forecasting.pipeline import make_forecast


@pytest.fixture
def stored(model):
    return model.version(), model.weights(), model.manifest.model_dump_json()


def changed(config, *path, value):
    """The stored config with one value replaced."""
    manifest = json.loads(config)
    inner = manifest
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(manifest)


def test_a_model_read_back_gives_bit_equal_forecasts(model, stored, histories, market, tiny_simulation):
    again = load_model(*stored)
    targets = [histories[0].last_session] * 5
    one, other = (
        make_forecast(each, histories[0], market, targets, tiny_simulation) for each in (model, again)
    )
    assert all(np.array_equal(one.log_returns[band], other.log_returns[band]) for band in one.log_returns)
    assert (again.version(), again.weights()) == (model.version(), model.weights())
    assert again.manifest == model.manifest


def test_the_version_is_a_function_of_the_contents(model):
    assert replace(model, metrics={"validation_loss": 9.0}).version() == model.version()
    others = [
        replace(model, market=model.market + 1),
        replace(model, noise=NoisePool(model.noise.rows * 2, model.noise.weights)),
        replace(model, network=new_network(model.manifest.config)),
        replace(model, manifest=model.manifest.model_copy(update={"reference": ("OLD",)})),
    ]
    assert len({each.version() for each in [model, *others]}) == 5
    assert model.version().startswith("2024-06-05-")


def test_the_initial_weights_depend_on_the_seed_alone(tiny_config):
    seeds = [tiny_config.training.model_copy(update={"seed": seed}) for seed in (1, 1, 2)]
    one, same, other = (
        new_network(tiny_config.model_copy(update={"training": training})).layers[0].weight_ih_l0
        for training in seeds
    )
    assert one.equal(same)
    assert not one.equal(other)


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
def test_a_config_that_the_weights_do_not_fit_is_refused(path, value, stored):
    version, weights, config = stored
    refused(version, weights, changed(config, *path, value=value))


@pytest.mark.parametrize("config", ["", "{", "null", "[]", "{}", '{"config": {}}'])
def test_a_broken_config_is_refused(config, stored):
    refused(stored[0], stored[1], config)


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
def test_broken_bytes_are_refused(broken, stored):
    version, weights, config = stored
    refused(version, broken(weights), config)


def refused(version, weights, config):
    with pytest.raises(ArchitectureMismatchError) as caught:
        load_model(version, weights, config)
    sentence = str(caught.value)
    assert sentence.startswith(
        f"Expected the weights of model {version} to fit the network of this release, found "
    )
    assert sentence.endswith("; run `bandcast retrain`.")
    assert "\n" not in sentence


@pytest.mark.parametrize(("edition", "told"), [({}, 1), ({"edition": 1}, 1), ({"edition": 3}, 3)])
def test_a_model_of_features_with_another_meaning_is_refused_with_a_reason(edition, told, stored):
    version, weights, config = stored
    manifest = json.loads(config)
    del manifest["edition"]
    with pytest.raises(ArchitectureMismatchError, match=f"found features of edition {told} where"):
        load_model(version, weights, json.dumps({**manifest, **edition}))


def test_the_features_of_a_stored_model_are_its_own_not_those_of_the_release(stored, monkeypatch):
    from forecasting.features import registry as features
    from forecasting.model import artifact as model

    reordered = dict(reversed(features.FEATURES.items())) | {"newcomer": features.rsi}
    monkeypatch.setattr(features, "FEATURES", reordered)
    monkeypatch.setattr(model, "feature_names", features.feature_names)
    again = load_model(*stored)
    assert again.network.skip_inputs == list(range(len(again.manifest.features)))
    assert again.version() == stored[0]


def test_a_skip_of_the_volatilities_sees_no_other_feature(tiny_config):
    network = tiny_config.network.model_copy(update={"linear_skip": "volatility"})
    names = tuple(FEATURES)
    seen = new_network(tiny_config.model_copy(update={"network": network})).skip_inputs
    assert [names[place] for place in seen] == list(VOLATILITY_FEATURES)


def test_the_bytes_are_safetensors_and_no_pickle(stored):
    weights = stored[1]
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert {"market", "noise.rows", "noise.weights", "network.skip.weight"} <= header.keys()
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(weights)
