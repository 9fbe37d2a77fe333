"""The gate lets better models in, and keeps worse and merely lucky ones out."""

from collections.abc import Callable

import numpy as np
import pytest

from forecasting.errors import GateError
from forecasting.promotion.decision import GateConfig, decide, relative_difference

CONFIG = GateConfig(draws=500)
SHAPE = (20, 5, 3)  # dates, tickers, horizons
Scores = Callable[..., np.ndarray]


def scores(seed: int, factor: float = 1.0, noise: float = 0.02) -> np.ndarray:
    """(D, N, H) CRPS around the floor's, which all models share but for `factor` and some noise."""
    shared = np.random.default_rng(0).lognormal(0, 0.6, SHAPE) * np.array([0.01, 0.02, 0.03])
    return shared * factor * (1 + noise * np.random.default_rng(seed).standard_normal(SHAPE))


FLOOR = scores(1, noise=0)


def test_a_better_candidate_is_promoted() -> None:
    decision = decide(scores(2, 0.95), scores(3, 0.98), FLOOR, CONFIG)
    assert decision.promoted
    assert decision.reason.startswith("Promoted: better, -3.")
    assert decision.candidate_crps == pytest.approx(0.95, abs=0.005)
    assert decision.champion_crps == pytest.approx(0.98, abs=0.005)
    assert decision.lower < decision.difference < decision.upper < 0
    assert (decision.dates, decision.forecasts) == (20, 300)


@pytest.mark.parametrize("factor", [0.98, 0.99])
def test_one_that_is_not_shown_to_be_better_is_refused(factor: float) -> None:
    decision = decide(scores(2, factor), scores(3, 0.98), FLOOR, CONFIG)
    assert not decision.promoted
    assert decision.reason.startswith("Refused: not shown to be better")


def test_one_better_than_a_champion_but_not_than_the_random_walk_is_refused() -> None:
    decision = decide(scores(2, 1.01), scores(3, 1.1), FLOOR, CONFIG)
    assert decision.upper < 0
    assert not decision.promoted
    assert "random walk" in decision.reason


def test_an_old_champion_is_renewed_by_its_equal_but_not_by_a_worse_one() -> None:
    equal = decide(scores(2, 0.98, 0.005), scores(3, 0.98, 0.005), FLOOR, CONFIG, renewal=True)
    assert equal.promoted
    assert "renews" in equal.reason
    worse = decide(scores(2, 0.99, 0.005), scores(3, 0.98, 0.005), FLOOR, CONFIG, renewal=True)
    assert not worse.promoted
    assert "worse by more than 0.5%" in worse.reason


@pytest.mark.parametrize(("factor", "promoted"), [(0.97, True), (1.0, True), (1.1, False)])
def test_without_a_champion_only_a_proven_failure_is_refused(factor: float, promoted: bool) -> None:
    decision = decide(scores(2, factor), None, FLOOR, CONFIG)
    assert decision.promoted is promoted
    assert decision.champion_crps is None


def test_the_unit_of_the_scores_does_not_matter_nor_do_unknown_ones() -> None:
    known = decide(scores(2, 0.95), scores(3, 0.98), FLOOR, CONFIG)
    scaled = decide(scores(2, 0.95) * 100, scores(3, 0.98) * 100, FLOOR * 100, CONFIG)
    assert scaled.reason == known.reason
    gaps = scores(3, 0.98)
    gaps[-3:, :, 2] = np.nan
    gaps[:, 4] = np.nan
    assert decide(scores(2, 0.95), gaps, FLOOR, CONFIG).forecasts == 20 * 4 * 3 - 3 * 4


def test_too_few_dates_decide_nothing() -> None:
    with pytest.raises(GateError, match=r"at least 12 dates .* found 5"):
        decide(scores(2)[:5], None, FLOOR[:5], CONFIG)
    with pytest.raises(GateError, match="found 0"):
        decide(np.full(SHAPE, np.nan), None, FLOOR, CONFIG)


@pytest.mark.parametrize("dependence", [1, 4])
def test_a_model_that_is_no_better_is_promoted_no_more_often_than_stated(dependence: int) -> None:
    """Differences of one model under two seeds; also as dependent as overlapping outcomes could make them."""
    stream, trials, promoted = np.random.default_rng(5), 800, 0
    for _ in range(trials):
        noise = np.convolve(stream.standard_normal(20 + dependence - 1), np.ones(dependence), "valid")
        promoted += relative_difference(1 + 0.01 * noise, np.ones(20), CONFIG).upper < 0
    assert promoted / trials <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
