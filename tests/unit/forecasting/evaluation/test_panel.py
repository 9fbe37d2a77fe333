"""Rows to arrays, whatever their order and types; what is not a walk is refused."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import UsageError
from forecasting.evaluation.panel import panel_of


def test_every_row_lands_in_its_place(rows: pd.DataFrame) -> None:
    panel = panel_of(rows)
    assert panel.methods == ("calibrated", "mc_dropout", "random_walk", "wide")
    assert (panel.tickers, panel.horizons, len(panel.dates)) == (("T0", "T1", "T2"), (1, 5), 30)
    assert panel.coverage == 0.9
    row = rows[(rows.method == "wide") & (rows.horizon == 5) & (rows.ticker == "T1")].iloc[19 * 7 + 3]
    place = (3, panel.dates.index(row.as_of), 1, 1)
    assert panel.quantiles[(*place, panel.levels.index(row.level))] == row.log_return
    assert panel.outcome[place[1:]] == row.actual_log_return


def test_order_and_types_of_the_rows_do_not_matter(rows: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1, random_state=0).astype({"ticker": "category", "method": "category"})
    shuffled = shuffled.astype({"horizon": "int8", "as_of": "datetime64[s]"})
    one, other = panel_of(rows), panel_of(shuffled)
    assert (one.methods, one.tickers, one.levels) == (other.methods, other.tickers, other.levels)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    np.testing.assert_array_equal(one.outcome, other.outcome)


def test_what_is_missing_is_nan_and_scores_nothing(rows: pd.DataFrame) -> None:
    gone = (rows.method == "wide") & (rows.ticker == "T2")
    unknown = (rows.horizon == 5) & (rows.as_of == rows.as_of.max())
    panel = panel_of(rows[~gone].assign(actual_log_return=rows.actual_log_return.mask(unknown)))
    wide, floor = panel.of("wide"), panel.of("random_walk")
    assert np.isnan(wide.crps[:, 2]).all()
    assert np.isnan(floor.crps[-1, :, 1]).all()
    for score in (wide.inside, wide.winkler, wide.pit, *wide.misses, *wide.pinball):
        assert (np.isnan(score) == np.isnan(wide.crps)).all()
    assert np.isfinite(floor.crps).sum() == 30 * 3 * 2 - 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda rows: rows.drop(columns="level"), "found no level"),
        (lambda rows: rows[rows.method != "random_walk"], "rows of the method random_walk"),
        (lambda rows: pd.concat([rows, rows.iloc[:1]]), "found a row twice"),
    ],
)
def test_what_is_no_walk_is_refused(rows: pd.DataFrame, spoil, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        panel_of(spoil(rows))
