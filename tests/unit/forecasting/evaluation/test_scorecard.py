"""Pairs, tests of coverage, PIT, and the card that holds them."""

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.bootstrap import block_bootstrap
from forecasting.evaluation.paired import DRAWS, SEED, paired_table
from forecasting.evaluation.panel import panel_of
from forecasting.evaluation.reliability import pit_table, significance_table
from forecasting.evaluation.scorecard import scorecard


def test_pairs_are_bootstrapped_by_date_in_blocks_that_span_the_horizon(rows: pd.DataFrame) -> None:
    panel = panel_of(rows)
    table = paired_table(panel, "calibrated", every=2).set_index(["other", "horizon"])
    ours, theirs, floor = (panel.of(name).crps for name in ("calibrated", "wide", "random_walk"))
    differences = (ours - theirs)[..., 1] / floor[..., 1].mean()
    expected = block_bootstrap(differences, block=3, draws=DRAWS, seed=SEED)
    assert tuple(table.loc[("wide", 5), ["difference", "lower", "upper"]]) == pytest.approx(tuple(expected))
    assert table.loc[("mc_dropout", 0), "upper"] < 0
    assert table.loc[("random_walk", 0), "difference"] == 0
    assert "calibrated" not in table.index.get_level_values("other")


def test_too_few_dates_have_no_interval(rows: pd.DataFrame) -> None:
    few = panel_of(rows[rows.as_of < "2015-01-20"])
    table = paired_table(few, "calibrated", every=1).set_index(["other", "horizon"])
    assert table.loc[("wide", 5), ["lower", "upper"]].isna().all()
    assert np.isfinite(table.loc[("wide", 5), "difference"])
    assert np.isfinite(table.loc[("wide", 1), "lower"])


def test_a_right_forecaster_passes_the_tests_and_a_narrow_one_fails(many_rows) -> None:
    panel = panel_of(many_rows(dates=150, tickers=8))
    table = significance_table(panel).set_index("method")
    assert (table.loc["calibrated"] >= 0.75).all()
    assert (table.loc["mc_dropout"] == 0).all()
    assert table.loc["wide", "kupiec"] <= 0.25


def test_without_horizon_1_there_are_no_tests(rows: pd.DataFrame) -> None:
    assert significance_table(panel_of(rows[rows.horizon == 5])).empty


def test_the_transform_of_a_right_forecaster_is_flat(many_rows) -> None:
    panel = panel_of(many_rows(dates=150, tickers=8))
    right, wide = (pit_table(panel, name).set_index("horizon") for name in ("calibrated", "wide"))
    assert right.to_numpy().sum(axis=1) == pytest.approx(1)
    assert right.loc[1].to_numpy() == pytest.approx(0.1, abs=0.03)
    assert wide.loc[1, ["p0", "p90"]].max() < 0.06


def test_the_card_is_about_the_calibrated_band_or_the_next_best(rows: pd.DataFrame) -> None:
    card = scorecard(rows, every=5)
    assert (card.contender, card.coverage) == ("calibrated", 0.9)
    assert card.span == ("2015-01-02", "2015-07-24", 30, 3)
    assert scorecard(rows[rows.method != "calibrated"], every=5).contender == "random_walk"
