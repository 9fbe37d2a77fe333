"""Models really trained, before the gate: an overfitted one, a good one, and one against itself."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.walk import Walked, walk_forward
from pytorch_lightning import LightningModule, Trainer

import forecasting.model.training
from forecasting.config import ModelConfig, NetworkConfig, SimulationConfig, TrainingConfig
from forecasting.errors import GateError
from forecasting.model.artifact import Model
from forecasting.model.lightning_module import BestWeights
from forecasting.pipeline import fit_model
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.promotion.decision import GateConfig, compare
from forecasting.promotion.evaluate import LEVELS, last_fitted, trial

AS_OF = date(2024, 6, 5)
GATE = GateConfig(sessions=63, every=3, horizons=(1,), draws=500)
PATHS = SimulationConfig(horizon=1, levels=LEVELS, dropout_runs=8, noise_paths=20)
SHORT: dict[str, Any] = {"lookback": 20, "segment": 20}
GOOD = ModelConfig(
    network=NetworkConfig(hidden=8, layers=2, head=(8, 4)),
    direct_share=0.0,
    training=TrainingConfig(**SHORT, history_sessions=450, max_epochs=2, batch_size=16),
)
GREEDY = ModelConfig(
    network=NetworkConfig(hidden=32, layers=2, head=(32, 16), scale_bound=2.0, location_bound=1.0),
    direct_share=0.0,
    training=TrainingConfig(
        **SHORT, history_sessions=100, max_epochs=25, patience=25, batch_size=4, learning_rate=0.005
    ),
)
Walk = Callable[..., list[Walked]]


class LastWeights(BestWeights):
    """Keeps what the last epoch has learned, however much worse it does on what it has not seen."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.metrics = {}
        super().on_train_epoch_end(trainer, pl_module)


def jumpy(ticker: str, seed: int) -> PriceHistory:
    """Volatility that never changes, and jumps that mean nothing: the random walk's EWMA believes each."""
    stream = np.random.default_rng(seed)
    index = pd.bdate_range(end=AS_OF, periods=620)
    jumps = 0.08 * stream.choice([-1, 0, 1], len(index), p=[0.02, 0.96, 0.02])
    close = 100 * np.exp(np.cumsum(0.01 * stream.standard_normal(len(index)) + jumps))
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) * 0.996
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}
    return PriceHistory(
        ticker, as_bars(pd.DataFrame(columns, index=index)), as_actions(pd.DataFrame(index=index[:0]))
    )


@pytest.fixture(scope="module")
def universe() -> list[PriceHistory]:
    return [jumpy(f"T{seed}", seed) for seed in range(10, 14)]


@pytest.fixture(scope="module")
def good(universe: list[PriceHistory]) -> Model:
    last = last_fitted(universe, AS_OF, "split_adjusted", GATE)
    return fit_model([one.until(last) for one in universe], last, GOOD, lambda *_: None)


@pytest.fixture(scope="module")
def overfitted(universe: list[PriceHistory]) -> Model:
    """One ticker, a hundred sessions, many epochs, no early stopping."""
    last = last_fitted(universe, AS_OF, "split_adjusted", GATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecasting.model.training, "BestWeights", LastWeights)
        made = fit_model([universe[0].until(last)], last, GREEDY, lambda *_: None)
    assert made.metrics["training_loss"] < made.metrics["validation_loss"] - 0.2
    return made


@pytest.fixture(scope="module")
def walk(universe: list[PriceHistory], good: Model, overfitted: Model) -> Walk:
    origins = [stamp.date() for stamp in universe[0].bars.index[-58:-1:3]]

    @cache
    def by_place(place: int, seed: int) -> list[Walked]:
        model = (good, overfitted)[place]
        return walk_forward(model, universe, origins, PATHS.model_copy(update={"seed": seed}))

    return lambda model, seed=1: by_place(0 if model is good else 1, seed)


def test_an_overfitted_candidate_is_refused_with_or_without_a_champion(
    overfitted: Model, good: Model, walk: Walk
) -> None:
    greedy, sound = walk(overfitted), walk(good)
    alone, beside = compare(greedy, None, GATE), compare(greedy, sound, GATE, renewal=True)
    assert (alone.promoted, beside.promoted) == (False, False)
    assert alone.candidate_crps > 1.1
    better = compare(sound, greedy, GATE)
    assert better.promoted
    assert better.reason.startswith("Promoted: better")


def test_a_model_under_another_simulation_seed_is_not_better_than_itself(good: Model, walk: Walk) -> None:
    decisions = [compare(walk(good, 1), walk(good, 2), GATE), compare(walk(good, 2), walk(good, 1), GATE)]
    assert [one.promoted for one in decisions] == [False, False]
    assert decisions[0].difference == pytest.approx(-decisions[1].difference, abs=1e-4)
    assert abs(decisions[0].difference) < 0.01


def test_the_trial_is_held_on_sessions_that_nobody_has_seen(
    good: Model, universe: list[PriceHistory]
) -> None:
    decision = trial((good, None), universe, GATE, PATHS)
    assert decision.dates == 20
    assert decision.forecasts == 20 * 4
    later = fit_model(universe, AS_OF, GOOD, lambda *_: None)
    with pytest.raises(GateError, match="neither model was trained on"):
        trial((good, later), universe, GATE, PATHS)


def test_a_history_that_is_all_held_out_says_so(universe: list[PriceHistory]) -> None:
    young = [one.until(one.bars.index[100].date()) for one in universe]
    with pytest.raises(GateError, match="at least 64 dates"):
        last_fitted(young, AS_OF, "split_adjusted", GATE)
