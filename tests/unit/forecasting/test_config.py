"""The settings: frozen, bounded, and strict about names."""

import pytest
from pydantic import ValidationError

from forecasting.config import ModelConfig, NetworkConfig, SimulationConfig, TrainingConfig

ALL = (ModelConfig, NetworkConfig, SimulationConfig, TrainingConfig)


@pytest.mark.parametrize("kind", ALL)
def test_settings_are_frozen(kind):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(kind(), next(iter(kind.model_fields)), 1)


@pytest.mark.parametrize("kind", ALL)
def test_a_misspelt_name_is_refused(kind):
    with pytest.raises(ValidationError, match="hiden"):
        kind(hiden=64)


@pytest.mark.parametrize("kind", ALL)
def test_every_setting_is_described_and_survives_json(kind):
    assert all(setting.description for setting in kind.model_fields.values())
    assert kind.model_validate_json(kind().model_dump_json()) == kind()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (NetworkConfig, {"dropout": 0.0}),
        (NetworkConfig, {"dropout": 1.0}),
        (NetworkConfig, {"layers": 0}),
        (NetworkConfig, {"cell": "transformer"}),
        (NetworkConfig, {"head": (0, 32)}),
        (NetworkConfig, {"scale_bound": 0.0}),
        (TrainingConfig, {"lookback": 1}),
        (TrainingConfig, {"purge_sessions": 0}),
        (TrainingConfig, {"validation_fraction": 0.5}),
        (TrainingConfig, {"weighting": "quadratic"}),
        (SimulationConfig, {"horizon": 31}),
        (SimulationConfig, {"horizon": 0}),
        (SimulationConfig, {"dropout_runs": 1}),
        (ModelConfig, {"price_basis": "as_traded"}),
    ],
)
def test_a_value_out_of_bounds_is_refused(kind, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        kind(**wrong)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9), (0.025, 0.05, 0.5, 0.95, 0.975)])
def test_levels_that_form_bands_are_taken(levels):
    assert SimulationConfig(levels=levels).levels == levels


@pytest.mark.parametrize(
    "levels",
    [(), (0.05, 0.95), (0.05, 0.5, 0.9), (0.95, 0.5, 0.05), (0.1, 0.5, 0.5, 0.9), (0.0, 0.5, 1.0)],
)
def test_levels_that_form_no_bands_are_refused(levels):
    with pytest.raises(ValidationError, match="levels must"):
        SimulationConfig(levels=levels)
