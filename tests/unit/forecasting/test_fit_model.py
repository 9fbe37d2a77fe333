"""`fit_model`: the same prices and config give the same model, degenerate and young tickers do no harm."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic_prices import AS_OF, PRICES, ignore_epoch, make_history, make_returns, prepare_all

from forecasting.config import Cell, Correction, ModelConfig, SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker, refuse_correction
from forecasting.types import Floats


@pytest.mark.parametrize("mode", ["sequence", "window"])
def test_two_fits_have_the_same_bytes(
    mode: str, universe: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    training = tiny_config.training.model_copy(
        update={"mode": mode, "max_epochs": 1, "history_sessions": 150}
    )
    config = tiny_config.model_copy(update={"training": training})
    torch.manual_seed(1)
    fitted = fit_model(universe, AS_OF, config, on_epoch=ignore_epoch)
    torch.manual_seed(2)
    assert fit_model(universe, AS_OF, config, on_epoch=ignore_epoch).weights() == fitted.weights()


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_cells_train_and_forecast(
    cell: Cell,
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    network = tiny_config.network.model_copy(update={"cell": cell})
    model = fit_model(
        universe, AS_OF, tiny_config.model_copy(update={"network": network}), on_epoch=ignore_epoch
    )
    found = forecast_ticker(Forecaster(model, market, tiny_simulation), universe[0], AS_OF)
    assert np.isfinite(found.log_returns["predictive"]).all()


@pytest.mark.parametrize(
    "close",
    [
        lambda session: 5 + 0 * session,
        lambda session: 5 + 1e-9 * np.sin(session),
        lambda session: np.where(session < 250, 5.0, 200.0),
        lambda session: np.where(session % 2 == 0, 5.0, 200.0),
    ],
    ids=["flat", "nearly flat", "one jump", "forty-fold moves"],
)
def test_one_degenerate_ticker_does_not_spoil_the_pool(
    close: Callable[[Floats], Floats], universe: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    history = make_history("ODD", 350, seed=8)
    bars = history.bars.assign(**dict.fromkeys(PRICES, close(np.arange(350.0))))
    model = fit_model(
        [*universe, *prepare_all([replace(history, bars=bars)])], AS_OF, tiny_config, on_epoch=ignore_epoch
    )
    assert model.manifest.left_out == {}
    assert np.isfinite(model.metrics["validation_loss"])
    assert all(value.isfinite().all() for value in model.network.state_dict().values())


def test_a_model_may_do_without_volatility_features(
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    config = tiny_config.model_copy(update={"features": ("rsi", "momentum")})
    model = fit_model(universe, AS_OF, config, on_epoch=ignore_epoch)
    found = forecast_ticker(Forecaster(model, market, tiny_simulation), universe[0], AS_OF)
    assert model.manifest.features == ("rsi", "momentum")
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_too_little_history_is_refused(tiny_config: ModelConfig) -> None:
    with pytest.raises(ModelError, match="at least one ticker with enough history"):
        fit_model([make_returns("YOUNG", 60, seed=1)], AS_OF, tiny_config, on_epoch=ignore_epoch)
    with pytest.raises(ModelError, match="Expected at least 280 sessions to fit log-HAR on, found 27"):
        fit_model([make_returns("SCARCE", 90, seed=1)], AS_OF, tiny_config, on_epoch=ignore_epoch)


def test_no_ticker_at_all_is_refused(tiny_config: ModelConfig) -> None:
    with pytest.raises(ModelError, match="ingest them first"):
        fit_model([], AS_OF, tiny_config, on_epoch=ignore_epoch)


def test_a_ticker_too_young_to_train_on_is_named_and_changes_no_weight(
    model: Model, universe: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    with_young = [*universe, make_returns("YOUNG", 60, seed=9)]
    fitted = fit_model(with_young, AS_OF, tiny_config, on_epoch=ignore_epoch)
    assert fitted.manifest.reference == ("COIN", "NEW", "OLD", "YOUNG")
    assert fitted.weights() == model.weights()
    assert fitted.manifest.left_out == {
        "YOUNG": "YOUNG: expected at least 83 sessions of history, found 60; wait or load more history."
    }


def test_a_ticker_that_is_not_listed_yet_is_named_and_no_reference(
    model: Model, universe: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    unlisted = make_returns("LATER", 100, seed=9)
    as_of = date(2024, 1, 2)
    fitted = fit_model([*universe, unlisted], as_of, tiny_config, on_epoch=ignore_epoch)
    assert fitted.manifest.reference == ("COIN", "NEW", "OLD")
    assert "found 0" in fitted.manifest.left_out["LATER"]


def test_history_too_short_for_the_longest_horizon_is_refused(tiny_config: ModelConfig) -> None:
    """A session counts after the warm-up of 63: 279 of them are one too few."""
    short, enough = (make_returns("FEW", 63 + sessions, seed=3) for sessions in (279, 280))
    with pytest.raises(ModelError, match="at least 280 sessions to fit log-HAR on, found 279"):
        fit_model([short], AS_OF, tiny_config, on_epoch=ignore_epoch)
    assert fit_model([enough], AS_OF, tiny_config, on_epoch=ignore_epoch).log_har.coefficients.shape[0] == 30


@pytest.mark.parametrize(
    ("correction", "needed", "reason"),
    [
        ("auto", 3, ""),
        ("auto", 4, "trained on 3 tickers, fewer than 4"),
        ("on", 4, ""),
        ("off", 3, "switched off"),
    ],
)
def test_the_network_corrects_bands_only_if_it_was_trained_on_enough_tickers(
    correction: Correction, needed: int, reason: str
) -> None:
    assert refuse_correction(3, ModelConfig(correction=correction, correction_tickers=needed)) == reason


def test_a_model_corrects_its_bands_by_the_same_network_that_it_has_without(
    model: Model,
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    config = tiny_config.model_copy(update={"correction": "on"})
    corrected = fit_model(universe, AS_OF, config, on_epoch=ignore_epoch)
    assert (corrected.manifest.no_correction, corrected.manifest.correction_weight) == ("", 1)
    assert model.manifest.correction_weight == 0
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, corrected.network.state_dict()[name])
    own, plain = (
        forecast_ticker(Forecaster(each, market, tiny_simulation), universe[0], AS_OF).log_returns
        for each in (corrected, model)
    )
    np.testing.assert_array_equal(own["mc_dropout"], plain["mc_dropout"])
    assert (own["predictive"] != plain["predictive"]).all()
