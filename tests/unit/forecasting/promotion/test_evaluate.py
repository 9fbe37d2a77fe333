"""Models really trained, before the promotion test: an overfitted one, a good one, and one against itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic_prices import AS_OF, ignore_epoch, make_actions, prepare_all

from forecasting.backtesting.rows import tabulate_walk
from forecasting.backtesting.walk_forward import Execution, Methods, walk_forward
from forecasting.config import (
    SCORE_LEVELS,
    ModelConfig,
    NetworkConfig,
    PromotionConfig,
    SimulationConfig,
    TrainingConfig,
)
from forecasting.errors import ModelError, PromotionError
from forecasting.evaluation.panel import REFERENCE, Panel, build_panel
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model, build_network
from forecasting.model.dataset import TrainingSet, build_ticker_features, split_by_session
from forecasting.model.training import fit_network
from forecasting.pipeline import Forecaster, fit_model
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.promotion.decision import decide_promotion
from forecasting.promotion.evaluate import (
    Evaluation,
    Trial,
    choose_tested,
    evaluate_challenger,
    find_last_fitted,
)

CONFIG = PromotionConfig(sessions=63, every=3, horizons=(1,), draws=500, dropout_runs=8)
SIMULATION = SimulationConfig(dropout_runs=50, noise_paths=20)
SHORT: dict[str, Any] = {"lookback": 20, "segment": 20}
GOOD = ModelConfig(
    network=NetworkConfig(hidden=8, layers=2, head=(8, 4)),
    correction="on",
    training=TrainingConfig(**SHORT, history_sessions=450, max_epochs=2, batch_size=16),
)
GREEDY = ModelConfig(
    network=NetworkConfig(hidden=32, layers=2, head=(32, 16), scale_bound=5.0, knots=(1,), shrinkage=(1.0,)),
    correction="on",
    training=TrainingConfig(
        **SHORT, history_sessions=100, max_epochs=25, patience=25, batch_size=4, learning_rate=0.01
    ),
)
Universe = Mapping[str, DailyReturns]


def make_jumpy_history(ticker: str, seed: int) -> PriceHistory:
    """Volatility that never changes, and jumps that mean nothing: the random walk's EWMA believes each."""
    stream = np.random.default_rng(seed)
    index = pd.bdate_range(end=AS_OF, periods=620)
    jumps = 0.08 * stream.choice([-1, 0, 1], len(index), p=[0.02, 0.96, 0.02])
    close = 100 * np.exp(np.cumsum(0.01 * stream.standard_normal(len(index)) + jumps))
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) * 0.996
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}
    return PriceHistory(ticker, as_bars(pd.DataFrame(columns, index=index)), make_actions())


@pytest.fixture(scope="module")
def universe() -> Universe:
    histories = [make_jumpy_history(f"T{seed}", seed) for seed in range(10, 14)]
    return {returns.ticker: returns for returns in prepare_all(histories)}


@pytest.fixture(scope="module")
def last(universe: Universe) -> date:
    return find_last_fitted(list(universe.values()), AS_OF, CONFIG)


@pytest.fixture(scope="module")
def good(universe: Universe, last: date) -> Model:
    return fit_model(list(universe.values()), last, GOOD, on_epoch=ignore_epoch)


@pytest.fixture(scope="module")
def overfitted(universe: Universe, last: date) -> Model:
    """One ticker, a hundred sessions, many epochs, and validated on what it was trained on."""
    returns = universe["T10"].until(last)
    hasty = GREEDY.training.model_copy(update={"max_epochs": 1})
    honest = fit_model([returns], last, GREEDY.model_copy(update={"training": hasty}), on_epoch=ignore_epoch)
    market = compute_market_variance([returns])
    tickers = [build_ticker_features(returns, market, honest.manifest.features, lookback=20)]
    knots, log_har = GREEDY.network.knots, honest.log_har
    log_scales = [log_har.log_scales(each.features, each.windows, knots) for each in tickers]
    data = TrainingSet.stack(tickers, log_scales, inputs=honest.inputs, knots=knots, config=GREEDY.training)
    split = split_by_session(data, GREEDY.training)
    cheat = replace(split, validation=split.training, held_out=(split.weights > 0).astype(np.float64))
    network = build_network(GREEDY)
    metrics = fit_network(network, data, cheat, linear=log_har, config=GREEDY.training, on_epoch=ignore_epoch)
    assert metrics["validation_loss"] < honest.metrics["validation_loss"] - 0.2
    with torch.no_grad():
        network.output.weight *= 10  # bounded as they are, its corrections alone do little harm
    return replace(honest, network=network.eval())


def evaluate(
    challenger: Model, champion: Model | None, universe: Universe, seed: int = 7, renewal: bool = False
) -> Evaluation:
    simulation = SIMULATION.model_copy(update={"seed": seed})
    return evaluate_challenger(
        challenger, champion, universe, trial=Trial(simulation), config=CONFIG, renewal=renewal
    )


def test_an_overfitted_challenger_is_refused_with_or_without_a_champion(
    overfitted: Model, good: Model, universe: Universe
) -> None:
    alone = evaluate(overfitted, None, universe).decision
    beside = evaluate(overfitted, good, universe, renewal=True).decision
    assert (alone.promoted, beside.promoted) == (False, False)
    assert alone.challenger_crps > 1.1
    better = evaluate(good, overfitted, universe).decision
    assert better.promoted
    assert better.reason.startswith("Promoted: better")
    assert better.challenger_crps == pytest.approx(beside.champion_crps)


def walk_held_out(model: Model, universe: Universe, seed: int) -> Panel:
    """The walk of a model over the held-out sessions under another seed of the simulation."""
    origins = [session.item() for session in universe["T10"].session[-58:-1:3]]
    simulation = SimulationConfig(horizon=1, levels=SCORE_LEVELS, dropout_runs=8, noise_paths=20, seed=seed)
    forecaster = Forecaster(model, compute_market_variance(universe.values()), simulation)
    walk = walk_forward(Methods(forecaster, (REFERENCE,), (1,)), universe, list(universe), origins=origins)
    return build_panel(tabulate_walk(list(walk), universe))


def test_a_model_under_another_simulation_seed_is_not_better_than_itself(
    good: Model, universe: Universe
) -> None:
    panels = [walk_held_out(good, universe, seed) for seed in (1, 2)]
    reference = panels[0].score(REFERENCE).crps
    first, second = (panel.score("predictive").crps for panel in panels)
    forth, back = (
        decide_promotion(challenger, champion, reference, config=CONFIG)
        for challenger, champion in ((first, second), (second, first))
    )
    assert (forth.promoted, back.promoted) == (False, False)
    assert forth.difference == pytest.approx(-back.difference, abs=1e-4)
    assert 0 < abs(forth.difference) < 0.01


def test_a_model_against_itself_draws(good: Model, universe: Universe) -> None:
    decision = evaluate(good, good, universe).decision
    assert (decision.difference, decision.lower, decision.upper) == (0, 0, 0)
    assert not decision.promoted
    assert evaluate(good, good, universe, renewal=True).decision.promoted


def test_the_test_is_held_on_sessions_that_neither_model_has_seen(good: Model, universe: Universe) -> None:
    """Of 63 unseen sessions four are purged and the last has no outcome: 58, of which every third."""
    evaluation = evaluate(good, None, universe)
    assert evaluation.decision.dates == 20
    assert evaluation.decision.forecasts == 20 * 4
    assert evaluation.left_out == {}
    assert evaluation.decision.champion_crps is None
    later = fit_model(list(universe.values()), AS_OF, GOOD, on_epoch=ignore_epoch)
    for pair in ((good, later), (later, good)):
        with pytest.raises(PromotionError, match="neither model was trained on"):
            evaluate(*pair, universe)


def test_a_history_that_is_all_held_out_is_refused(universe: Universe) -> None:
    session: date = universe["T10"].session[100].item()
    with pytest.raises(PromotionError, match="at least 64 dates"):
        find_last_fitted(list(universe.values()), session, CONFIG)


def test_what_is_held_out_are_the_last_sessions_of_the_market(universe: Universe, last: date) -> None:
    assert last == universe["T10"].session[-CONFIG.sessions - 1].item()


def test_without_its_reference_universe_a_model_is_not_evaluated(good: Model, universe: Universe) -> None:
    others: Sequence[DailyReturns] = [
        replace(returns, ticker=f"OTHER{index}") for index, returns in enumerate(universe.values())
    ]
    with pytest.raises(ModelError, match="prices of the reference universe, found none"):
        evaluate(good, None, {returns.ticker: returns for returns in others})


def read_longer(model: Model, lookback: int) -> Model:
    """The model as if it read so many sessions before a forecast."""
    manifest = model.manifest
    training = manifest.config.training.model_copy(update={"lookback": lookback})
    config = manifest.config.model_copy(update={"training": training})
    return replace(model, manifest=manifest.model_copy(update={"config": config}))


@pytest.mark.parametrize("has_champion", [True, False])
def test_a_challenger_that_can_forecast_nothing_is_not_compared(
    has_champion: bool, good: Model, universe: Universe
) -> None:
    with pytest.raises(PromotionError, match="found 0"):
        evaluate(read_longer(good, 600), good if has_champion else None, universe)


def test_a_ticker_that_neither_model_could_forecast_is_left_out_by_name(
    good: Model, universe: Universe
) -> None:
    halted = replace(universe["T10"].until(date(2024, 3, 1)), ticker="HALTED")
    young = replace(universe["T11"], ticker="YOUNG")
    start = len(young) - 70
    columns: dict[str, Any] = {
        name: getattr(young, name)[start:]
        for name in ("session", "close", "log_factor", "log_return", "range_variance", "surprise")
    }
    more = {**universe, "HALTED": halted, "YOUNG": replace(young, **columns)}
    evaluation = evaluate(good, None, more)
    assert evaluation.left_out.keys() == {"HALTED", "YOUNG"}
    assert "found the last at 2024-03-01" in evaluation.left_out["HALTED"]
    assert evaluation.decision == evaluate(good, None, universe).decision


@pytest.mark.parametrize(
    ("first", "others", "most", "drawn"),
    [
        (("A", "B"), ("C", "A", "D"), 10, ["A", "B", "C", "D"]),
        ((), ("C", "A"), 10, ["C", "A"]),
        (("A", "B"), ("C", "D"), 2, ["A", "B"]),
    ],
)
def test_tickers_that_are_forecast_are_compared_on_first(
    first: tuple[str, ...], others: tuple[str, ...], most: int, drawn: list[str]
) -> None:
    config = PromotionConfig(tickers=most)
    assert choose_tested(first, others, config) == drawn


def test_of_many_tickers_a_stated_number_is_drawn_by_the_seed() -> None:
    many = [f"T{index}" for index in range(500)]
    drawn = choose_tested(("OWN",), many, PromotionConfig(tickers=60))
    assert (drawn[0], len(set(drawn))) == ("OWN", 60)
    assert choose_tested(("OWN",), many, PromotionConfig(tickers=60)) == drawn
    assert len(choose_tested(many, (), PromotionConfig(tickers=60))) == 60


def test_both_walks_report_how_far_they_have_come(good: Model, universe: Universe) -> None:
    seen: list[tuple[int, int]] = []
    trial = Trial(
        SIMULATION, tickers=list(universe)[:1], execution=Execution(lambda *state: seen.append(state))
    )
    config = CONFIG.model_copy(update={"tickers": 1})
    evaluation = evaluate_challenger(good, good, universe, trial=trial, config=config)
    total = 2 * evaluation.decision.dates
    assert seen == [(done, total) for done in range(1, total + 1)]
    assert evaluation.decision.forecasts == evaluation.decision.dates  # of one ticker
