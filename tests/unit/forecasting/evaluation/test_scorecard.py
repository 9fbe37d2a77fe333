"""The tables of the scorecard; the scores against a row-by-row twin in pandas."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_rows

from forecasting.evaluation.bootstrap import block_bootstrap
from forecasting.evaluation.panel import Panel, build_panel
from forecasting.evaluation.scorecard import (
    DRAWS,
    SEED,
    build_scorecard,
    compare_methods,
    histogram_pit,
    score_by_horizon,
    score_by_ticker,
    split_by_market,
    split_by_ticker,
    tabulate_coverage_tests,
)


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


def build_twin(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each forecast, every score from its definition."""
    keys = ["method", "horizon", "ticker", "as_of"]
    wide = rows.pivot_table(index=[*keys, "actual_log_return"], columns="level", values="log_return")
    happened = wide.index.get_level_values("actual_log_return").to_numpy()
    low, high, levels = wide[0.05], wide[0.95], wide.columns.to_numpy()
    error = happened[:, None] - wide.to_numpy()
    losses = np.where(error >= 0, levels * error, (levels - 1) * error)
    scores = pd.DataFrame(
        {
            "crps": 2 * losses.mean(axis=1),
            "pinball_lower": losses[:, 0],
            "pinball_upper": losses[:, -1],
            "below": happened < low,
            "above": happened > high,
            "coverage": (happened >= low) & (happened <= high),
            "winkler": high - low + 20 * np.maximum(low - happened, 0) + 20 * np.maximum(happened - high, 0),
        },
        index=wide.index,
    )
    return scores.astype(float).reset_index()


def test_scores_agree_with_the_twin(rows: pd.DataFrame) -> None:
    table = score_by_horizon(build_panel(rows)).set_index(["method", "horizon"])
    expected = build_twin(rows).groupby(["method", "horizon"]).mean(numeric_only=True)
    names = ["crps", "pinball_lower", "pinball_upper", "below", "above", "coverage", "winkler"]
    pd.testing.assert_frame_equal(table[names].sort_index(), expected[names].sort_index())
    for name in ("crps", "winkler"):
        reference = expected.loc["random_walk", name]
        relative = expected[name] / expected.index.get_level_values("horizon").map(reference)
        assert table[f"{name}_relative"].sort_index().to_numpy() == pytest.approx(relative.to_numpy())
    assert (table["forecasts"] == 90).all()


def test_a_right_forecaster_covers_and_a_narrow_one_does_not(rows: pd.DataFrame) -> None:
    table = score_by_horizon(build_panel(rows)).set_index(["method", "horizon"])
    assert table.loc[("calibrated", 1), "coverage"] == pytest.approx(0.9, abs=0.1)
    assert table.loc[("mc_dropout", 1), "coverage"] < 0.3
    assert (table.loc["calibrated", "crps_relative"] == 1).all()
    assert (table.loc["mc_dropout", "crps_relative"] > 1.1).all()


def test_relative_scores_rest_on_the_forecasts_that_both_have(rows: pd.DataFrame) -> None:
    kept = rows[(rows.method == "random_walk") | (rows.as_of > "2015-04-01")]
    table = score_by_horizon(build_panel(kept)).set_index(["method", "horizon"])
    assert (table.loc["calibrated", "crps_relative"] == 1).all()


def test_terciles_follow_the_volatility_at_issue(rows: pd.DataFrame) -> None:
    terciles = split_by_market(build_panel(rows))  # it rises from date to date
    assert terciles.calm[:10].all()
    assert terciles.stressed[20:].all()
    assert not terciles.calm[10:].any()
    assert not terciles.stressed[:20].any()
    table = score_by_horizon(build_panel(rows)).set_index(["method", "horizon"])
    early = build_twin(rows[rows.as_of < "2015-03-13"]).groupby(["method", "horizon"])["coverage"].mean()
    assert table["coverage_calm"].sort_index().to_numpy() == pytest.approx(early.sort_index().to_numpy())


def test_terciles_are_computed_for_each_ticker_alone(rows: pd.DataFrame) -> None:
    quiet = rows.assign(log_return=rows.log_return.mask(rows.ticker == "T0", rows.log_return / 50))
    terciles = split_by_ticker(build_panel(quiet))
    assert (terciles.calm.sum(axis=0) == 10).all()
    assert (terciles.stressed.sum(axis=0) == 10).all()


def test_the_ticker_table_agrees_with_the_twin(rows: pd.DataFrame) -> None:
    table = score_by_ticker(build_panel(rows), "wide").set_index("ticker")
    expected = build_twin(rows[rows.method == "wide"]).pivot_table(
        index="ticker", columns="horizon", values="coverage"
    )
    assert table[["h1", "h5"]].to_numpy() == pytest.approx(expected.to_numpy())
    assert (table["crps_relative"] > 1).all()


def test_coverage_is_counted_apart_where_a_report_was_expected(rows: pd.DataFrame) -> None:
    table = score_by_horizon(build_panel(rows)).set_index(["method", "horizon"])
    for name, kept in (("with", rows["reports_ahead"] > 0), ("without", rows["reports_ahead"] == 0)):
        expected = build_twin(rows[kept]).groupby(["method", "horizon"])["coverage"].mean()
        found = table[f"coverage_{name}_report"].sort_index()
        assert found.to_numpy() == pytest.approx(expected.sort_index().to_numpy())
    none = score_by_horizon(build_panel(rows.assign(reports_ahead=0)))
    assert none["coverage_with_report"].isna().all()
