"""The promotion test: better models are promoted, worse and merely lucky ones are refused."""

import numpy as np
import pytest

from forecasting.config import PromotionConfig
from forecasting.errors import PromotionError
from forecasting.evaluation.bootstrap import bound_relative_difference
from forecasting.promotion.decision import CONFIDENCE, decide_promotion
from forecasting.types import Floats

CONFIG = PromotionConfig(draws=500)
SHAPE = (20, 5, 3)  # dates, tickers, horizons


def draw_scores(seed: int, factor: float = 1.0, noise: float = 0.02) -> Floats:
    """(D, N, H) CRPS around the reference's, which all models share but for `factor` and some noise."""
    shared = np.random.default_rng(0).lognormal(0, 0.6, SHAPE) * np.array([0.01, 0.02, 0.03])
    scores: Floats = shared * factor * (1 + noise * np.random.default_rng(seed).standard_normal(SHAPE))
    return scores


REFERENCE = draw_scores(1, noise=0)


def test_a_better_challenger_is_promoted() -> None:
    decision = decide_promotion(draw_scores(2, 0.95), draw_scores(3, 0.98), REFERENCE, config=CONFIG)
    assert decision.promoted
    assert decision.reason.startswith("Promoted: better, -3.")
    assert decision.challenger_crps == pytest.approx(0.95, abs=0.005)
    assert decision.champion_crps == pytest.approx(0.98, abs=0.005)
    assert decision.lower < decision.difference < decision.upper < 0
    assert (decision.dates, decision.forecasts) == (20, 300)


@pytest.mark.parametrize("factor", [0.98, 0.99])
def test_a_challenger_that_is_not_shown_to_be_better_is_refused(factor: float) -> None:
    decision = decide_promotion(draw_scores(2, factor), draw_scores(3, 0.98), REFERENCE, config=CONFIG)
    assert not decision.promoted
    assert decision.reason.startswith("Refused: not shown to be better")


def test_a_challenger_better_than_a_champion_but_not_than_the_random_walk_is_refused() -> None:
    decision = decide_promotion(draw_scores(2, 1.01), draw_scores(3, 1.1), REFERENCE, config=CONFIG)
    assert decision.upper < 0
    assert not decision.promoted
    assert "random walk" in decision.reason


def test_an_old_champion_is_renewed_by_its_equal_but_not_by_a_worse_one() -> None:
    equal = decide_promotion(
        draw_scores(2, 0.98, 0.005), draw_scores(3, 0.98, 0.005), REFERENCE, config=CONFIG, renewal=True
    )
    assert equal.promoted
    assert "renews" in equal.reason
    worse = decide_promotion(
        draw_scores(2, 0.99, 0.005), draw_scores(3, 0.98, 0.005), REFERENCE, config=CONFIG, renewal=True
    )
    assert not worse.promoted
    assert "worse by more than 0.5%" in worse.reason


@pytest.mark.parametrize(("factor", "promoted"), [(0.97, True), (1.0, True), (1.1, False)])
def test_without_a_champion_only_a_proven_failure_is_refused(factor: float, promoted: bool) -> None:
    decision = decide_promotion(draw_scores(2, factor), None, REFERENCE, config=CONFIG)
    assert decision.promoted is promoted
    assert decision.champion_crps is None


def test_the_unit_of_the_scores_does_not_matter_nor_do_unknown_ones() -> None:
    plain = decide_promotion(draw_scores(2, 0.95), draw_scores(3, 0.98), REFERENCE, config=CONFIG)
    scaled = decide_promotion(
        draw_scores(2, 0.95) * 100, draw_scores(3, 0.98) * 100, REFERENCE * 100, config=CONFIG
    )
    assert scaled.reason == plain.reason
    gaps = draw_scores(3, 0.98)
    gaps[-3:, :, 2] = np.nan
    gaps[:, 4] = np.nan
    assert (
        decide_promotion(draw_scores(2, 0.95), gaps, REFERENCE, config=CONFIG).forecasts == 20 * 4 * 3 - 3 * 4
    )


def test_too_few_dates_decide_nothing() -> None:
    with pytest.raises(PromotionError, match=r"at least 12 dates .* found 5"):
        decide_promotion(draw_scores(2)[:5], None, REFERENCE[:5], config=CONFIG)
    with pytest.raises(PromotionError, match="found 0"):
        decide_promotion(np.full(SHAPE, np.nan), None, REFERENCE, config=CONFIG)


@pytest.mark.parametrize("dependence", [1, 4])
def test_a_model_that_is_no_better_is_promoted_no_more_often_than_stated(dependence: int) -> None:
    """Differences of one model under two seeds; also as dependent as overlapping outcomes could make them."""
    stream, trials, promoted = np.random.default_rng(5), 800, 0
    for _ in range(trials):
        noise = np.convolve(stream.standard_normal(20 + dependence - 1), np.ones(dependence), "valid")
        bounds = bound_relative_difference(
            1 + 0.01 * noise,
            np.ones(20),
            block=CONFIG.block,
            draws=CONFIG.draws,
            seed=CONFIG.seed,
            confidence=CONFIDENCE,
        )
        promoted += bounds.upper < 0
    assert promoted / trials <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
