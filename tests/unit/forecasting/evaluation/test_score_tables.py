"""The score tables against a row-by-row twin in pandas, and the thirds of calm and stress."""

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.panel import panel_of
from forecasting.evaluation.regimes import market_thirds, own_thirds
from forecasting.evaluation.scores import score_table, ticker_table


def twin(rows: pd.DataFrame) -> pd.DataFrame:
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
    table = score_table(panel_of(rows)).set_index(["method", "horizon"])
    expected = twin(rows).groupby(["method", "horizon"]).mean(numeric_only=True)
    names = ["crps", "pinball_lower", "pinball_upper", "below", "above", "coverage", "winkler"]
    pd.testing.assert_frame_equal(table[names].sort_index(), expected[names].sort_index())
    for name in ("crps", "winkler"):
        floor = expected.loc["random_walk", name]
        relative = expected[name] / expected.index.get_level_values("horizon").map(floor)
        assert table[f"{name}_relative"].sort_index().to_numpy() == pytest.approx(relative.to_numpy())
    assert (table["forecasts"] == 90).all()


def test_a_right_forecaster_covers_and_a_narrow_one_does_not(rows: pd.DataFrame) -> None:
    table = score_table(panel_of(rows)).set_index(["method", "horizon"])
    assert table.loc[("calibrated", 1), "coverage"] == pytest.approx(0.9, abs=0.1)
    assert table.loc[("mc_dropout", 1), "coverage"] < 0.3
    assert (table.loc["calibrated", "crps_relative"] == 1).all()
    assert (table.loc["mc_dropout", "crps_relative"] > 1.1).all()


def test_relative_scores_rest_on_the_forecasts_that_both_have(rows: pd.DataFrame) -> None:
    kept = rows[(rows.method == "random_walk") | (rows.as_of > "2015-04-01")]
    table = score_table(panel_of(kept)).set_index(["method", "horizon"])
    assert (table.loc["calibrated", "crps_relative"] == 1).all()


def test_thirds_follow_the_volatility_at_issue(rows: pd.DataFrame) -> None:
    thirds = market_thirds(panel_of(rows))  # it rises from date to date
    assert thirds.calm[:10].all()
    assert thirds.stressed[20:].all()
    assert not thirds.calm[10:].any()
    assert not thirds.stressed[:20].any()
    table = score_table(panel_of(rows)).set_index(["method", "horizon"])
    early = twin(rows[rows.as_of < "2015-03-13"]).groupby(["method", "horizon"])["coverage"].mean()
    assert table["coverage_calm"].sort_index().to_numpy() == pytest.approx(early.sort_index().to_numpy())


def test_own_thirds_are_each_tickers_own(rows: pd.DataFrame) -> None:
    quiet = rows.assign(log_return=rows.log_return.mask(rows.ticker == "T0", rows.log_return / 50))
    thirds = own_thirds(panel_of(quiet))
    assert (thirds.calm.sum(axis=0) == 10).all()
    assert (thirds.stressed.sum(axis=0) == 10).all()


def test_the_ticker_table_agrees_with_the_twin(rows: pd.DataFrame) -> None:
    table = ticker_table(panel_of(rows), "wide").set_index("ticker")
    expected = twin(rows[rows.method == "wide"]).pivot_table(
        index="ticker", columns="horizon", values="coverage"
    )
    assert table[["h1", "h5"]].to_numpy() == pytest.approx(expected.to_numpy())
    assert (table["crps_relative"] > 1).all()
