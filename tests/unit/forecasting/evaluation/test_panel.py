"""Rows to arrays, whatever their order and types; what is not a walk is refused."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import make_rows

from forecasting.errors import UsageError
from forecasting.evaluation.panel import build_panel


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return make_rows()


def test_every_row_lands_in_its_cell(rows: pd.DataFrame) -> None:
    panel = build_panel(rows)
    assert panel.methods == ("calibrated", "mc_dropout", "random_walk", "wide")
    assert (panel.tickers, panel.horizons, len(panel.dates)) == (("T0", "T1", "T2"), (1, 5), 30)
    assert panel.score("random_walk").nominal_coverage == 0.9
    row = rows[(rows.method == "wide") & (rows.horizon == 5) & (rows.ticker == "T1")].iloc[19 * 7 + 3]
    cell = (panel.dates.index(row.as_of), 1, 1)
    assert panel.quantiles[(3, *cell, panel.levels.index(row.level))] == row.log_return
    assert panel.outcome[cell] == row.actual_log_return


def test_order_and_types_of_the_rows_do_not_matter(rows: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1, random_state=0).astype({"ticker": "category", "method": "category"})
    shuffled = shuffled.astype({"horizon": "int8", "as_of": "datetime64[s]"})
    panel, other = build_panel(rows), build_panel(shuffled)
    assert (other.methods, other.tickers, other.levels) == (panel.methods, panel.tickers, panel.levels)
    np.testing.assert_array_equal(other.quantiles, panel.quantiles)
    np.testing.assert_array_equal(other.outcome, panel.outcome)


def test_what_is_missing_is_nan_and_scores_nothing(rows: pd.DataFrame) -> None:
    gone = (rows.method == "wide") & (rows.ticker == "T2")
    unknown = (rows.horizon == 5) & (rows.as_of == rows.as_of.max())
    panel = build_panel(rows[~gone].assign(actual_log_return=rows.actual_log_return.mask(unknown)))
    wide, reference = panel.score("wide"), panel.score("random_walk")
    assert np.isnan(wide.crps[:, 2]).all()
    assert np.isnan(reference.crps[-1, :, 1]).all()
    for score in (wide.inside, wide.winkler, wide.pit, *wide.misses, *wide.pinball):
        assert (np.isnan(score) == np.isnan(wide.crps)).all()
    assert np.isfinite(reference.crps).sum() == 30 * 3 * 2 - 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda rows: rows.drop(columns="level"), "found no level"),
        (lambda rows: rows[rows.method != "random_walk"], "rows of the method random_walk"),
        (lambda rows: pd.concat([rows, rows.iloc[:1]]), "each key once"),
    ],
)
def test_what_is_no_walk_is_refused(
    rows: pd.DataFrame, spoil: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        build_panel(spoil(rows))
