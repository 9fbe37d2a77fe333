"""From what was issued through rows to arrays and back: every number keeps its place."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.issue import Issued
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.backtesting.rows import Outcomes, rows_of
from forecasting.calendars.sessions import next_sessions
from forecasting.evaluation.panel import FLOOR, Panel, panel_of
from forecasting.evaluation.scorecard import scorecard
from forecasting.types import Floats

DAYS = next_sessions("XNYS", date(2019, 12, 31), 60)
HORIZONS, LEVELS = (1, 2, 5), (0.05, 0.25, 0.5, 0.75, 0.95)
TICKERS = ("AAA", "BBB", "CCC")
METHODS = ("predictive", "fhs", FLOOR)


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[Issued], Outcomes]:
    """A few origins, each with some of the tickers, in any order, and now and then a method that has none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    closes = {
        ticker: (np.array(DAYS, "datetime64[D]"), np.cumsum(rng.normal(0, 0.02, len(DAYS))))
        for ticker in TICKERS
    }
    issued = []
    for place in draw(st.lists(st.integers(0, 54), min_size=1, max_size=4, unique=True)):
        tickers = draw(st.permutations(TICKERS))[: draw(st.integers(1, 3))]
        quantiles = {
            name: np.sort(rng.normal(0, 0.05, (len(tickers), len(HORIZONS), len(LEVELS)))) for name in METHODS
        }
        if draw(st.booleans()):
            quantiles["fhs"][0] = np.nan
        targets = tuple(DAYS[place + h] for h in HORIZONS)
        regimes, none = ("calm",) * len(tickers), ()
        issued.append(
            Issued(DAYS[place], tuple(tickers), regimes, (targets,) * len(tickers), quantiles, none)
        )
    return sorted(issued, key=lambda one: one.origin), Outcomes(closes)


def at(panel: Panel, method: str, one: Issued, ticker: str) -> Floats:
    place = panel.dates.index(pd.Timestamp(one.origin)), panel.tickers.index(ticker)
    found: Floats = panel.quantiles[(panel.methods.index(method), *place)]
    return found


@settings(max_examples=50, deadline=None)
@given(walks())
def test_every_quantile_and_outcome_comes_back(walk: tuple[list[Issued], Outcomes]) -> None:
    issued, outcomes = walk
    panel = panel_of(rows_of(issued, outcomes, HORIZONS, LEVELS))
    told = 0
    for one in issued:
        happened = outcomes.after(one)
        for row, ticker in enumerate(one.tickers):
            place = panel.dates.index(pd.Timestamp(one.origin)), panel.tickers.index(ticker)
            np.testing.assert_array_equal(panel.outcome[place], happened[row])
            for method in METHODS:
                if method in panel.methods:
                    np.testing.assert_array_equal(at(panel, method, one, ticker), one.quantiles[method][row])
            told += 1
    assert np.isfinite(panel.of(FLOOR).known).sum() == told * len(HORIZONS)


@settings(max_examples=25, deadline=None)
@given(walks())
def test_scores_stay_within_what_they_can_be(walk: tuple[list[Issued], Outcomes]) -> None:
    card = scorecard(rows_of(*walk, HORIZONS, LEVELS), every=1)
    shares = card.scores[["coverage", "below", "above"]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert (card.scores[["crps", "winkler", "pinball_lower", "pinball_upper"]] >= 0).all(axis=None)
    floor = card.scores[card.scores.method == FLOOR]
    assert floor[["crps_relative", "winkler_relative"]].to_numpy() == pytest.approx(1)
    assert card.pit.drop(columns="horizon").sum(axis=1).to_numpy() == pytest.approx(1)
