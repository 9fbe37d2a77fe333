"""Pairs, tests of coverage, PIT, and the card that holds them."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_rows

from forecasting.evaluation.bootstrap import DRAWS, SEED, block_bootstrap, compare_methods
from forecasting.evaluation.panel import Panel, build_panel
from forecasting.evaluation.reliability import histogram_pit, tabulate_coverage_tests
from forecasting.evaluation.scorecard import build_scorecard


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture(scope="module")
def long_panel() -> Panel:
    return build_panel(make_rows(dates=150, tickers=8))


def test_pairs_are_bootstrapped_by_date_in_blocks_that_span_the_horizon(rows: pd.DataFrame) -> None:
    panel = build_panel(rows)
    table = compare_methods(panel, "calibrated", every=2).set_index(["other", "horizon"])
    own, other, reference = (panel.score(name).crps for name in ("calibrated", "wide", "random_walk"))
    differences = (own - other)[..., 1] / reference[..., 1].mean()
    expected = block_bootstrap(differences, block=3, draws=DRAWS, seed=SEED)
    assert tuple(table.loc[("wide", 5), ["difference", "lower", "upper"]]) == pytest.approx(tuple(expected))
    assert table.loc[("mc_dropout", 0), "upper"] < 0
    assert table.loc[("random_walk", 0), "difference"] == 0
    assert "calibrated" not in table.index.get_level_values("other")


def test_too_few_dates_have_no_interval(rows: pd.DataFrame) -> None:
    few = build_panel(rows[rows.as_of < "2015-01-20"])
    table = compare_methods(few, "calibrated", every=1).set_index(["other", "horizon"])
    assert table.loc[("wide", 5), ["lower", "upper"]].isna().all()
    assert np.isfinite(table.loc[("wide", 5), "difference"])
    assert np.isfinite(table.loc[("wide", 1), "lower"])


def test_a_right_forecaster_passes_the_tests_and_a_narrow_one_fails(long_panel: Panel) -> None:
    table = tabulate_coverage_tests(long_panel).set_index("method")
    assert (table.loc["calibrated"] >= 0.75).all()
    assert (table.loc["mc_dropout"] == 0).all()
    assert table.loc["wide", "kupiec"] <= 0.25


def test_without_horizon_1_there_are_no_tests(rows: pd.DataFrame) -> None:
    assert tabulate_coverage_tests(build_panel(rows[rows.horizon == 5])).empty


def test_the_transform_of_a_right_forecaster_is_flat(long_panel: Panel) -> None:
    right, wide = (histogram_pit(long_panel, name).set_index("horizon") for name in ("calibrated", "wide"))
    assert right.to_numpy().sum(axis=1) == pytest.approx(1)
    assert right.loc[1].to_numpy() == pytest.approx(0.1, abs=0.03)
    assert wide.loc[1, ["p0", "p90"]].max() < 0.06


def test_the_card_is_about_the_calibrated_band_or_the_next_best(rows: pd.DataFrame) -> None:
    card = build_scorecard(rows, every=5)
    assert (card.contender, card.nominal_coverage) == ("calibrated", 0.9)
    assert (card.first, card.last) == (date(2015, 1, 2), date(2015, 7, 24))
    assert (card.n_dates, card.n_tickers) == (30, 3)
    assert build_scorecard(rows[rows.method != "calibrated"], every=5).contender == "random_walk"
