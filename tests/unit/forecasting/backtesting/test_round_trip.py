"""From what was issued through rows to arrays and back: every number keeps its cell."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from synthetic_prices import make_actions

from forecasting.backtesting.rows import realise, tabulate_walk
from forecasting.backtesting.walk_forward import Issued
from forecasting.calendars.sessions import next_sessions
from forecasting.evaluation.panel import REFERENCE, build_panel
from forecasting.evaluation.scorecard import build_scorecard
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

DAYS = next_sessions("XNYS", date(2019, 12, 31), 60)
HORIZONS, LEVELS = (1, 2, 5), (0.05, 0.25, 0.5, 0.75, 0.95)
TICKERS = ("AAA", "BBB", "CCC")
METHODS = ("predictive", "fhs", REFERENCE)
Walk = tuple[list[Issued], Mapping[str, DailyReturns]]


def build_returns(ticker: str, log_closes: Floats) -> DailyReturns:
    bars = as_bars(pd.DataFrame({"close": np.exp(log_closes)}, pd.DatetimeIndex(DAYS)))
    return compute_daily_returns(PriceHistory(ticker, bars, make_actions()), "split_adjusted")


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """A few origins, each with some of the tickers, in any order, and now and then a method that has none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.normal(0, 0.02, (len(TICKERS), len(DAYS)))
    universe = {
        ticker: build_returns(ticker, np.cumsum(own)) for ticker, own in zip(TICKERS, steps, strict=True)
    }
    issued = []
    for index in sorted(draw(st.lists(st.integers(0, 54), min_size=1, max_size=4, unique=True))):
        tickers = tuple(draw(st.permutations(TICKERS))[: draw(st.integers(1, 3))])
        shape = (len(tickers), len(HORIZONS), len(LEVELS))
        quantiles = {name: np.sort(rng.normal(0, 0.05, shape)) for name in METHODS}
        if draw(st.booleans()):
            quantiles["fhs"][0] = np.nan
        targets = tuple(DAYS[index + h] for h in HORIZONS)
        issued.append(
            Issued(
                origin=DAYS[index],
                horizons=HORIZONS,
                levels=LEVELS,
                tickers=tickers,
                regimes=("calm",) * len(tickers),
                targets=(targets,) * len(tickers),
                quantiles=quantiles,
                remarks=(),
                reports_ahead=((0,) * len(HORIZONS),) * len(tickers),
            )
        )
    return issued, universe


@examples(25)
@given(walks())
def test_every_quantile_and_outcome_comes_back(walk: Walk) -> None:
    issued, universe = walk
    panel = build_panel(tabulate_walk(issued, universe))
    for origin in issued:
        outcomes = realise(origin, universe)
        for row, ticker in enumerate(origin.tickers):
            cell = panel.dates.index(pd.Timestamp(origin.origin)), panel.tickers.index(ticker)
            np.testing.assert_array_equal(panel.outcome[cell], outcomes[row])
            for index, method in enumerate(panel.methods):
                np.testing.assert_array_equal(panel.quantiles[(index, *cell)], origin.quantiles[method][row])
    assert set(panel.methods) >= {"predictive", REFERENCE}
    forecasts = sum(len(origin.tickers) for origin in issued)
    assert np.isfinite(panel.score(REFERENCE).known).sum() == forecasts * len(HORIZONS)


@examples(15)
@given(walks())
def test_scores_stay_within_what_they_can_be(walk: Walk) -> None:
    card = build_scorecard(tabulate_walk(*walk), every=1)
    shares = card.scores[["coverage", "below", "above"]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert (card.scores[["crps", "winkler", "pinball_lower", "pinball_upper"]] >= 0).all(axis=None)
    reference = card.scores[card.scores.method == REFERENCE]
    assert reference[["crps_relative", "winkler_relative"]].to_numpy() == pytest.approx(1)
    assert card.pit.drop(columns="horizon").sum(axis=1).to_numpy() == pytest.approx(1)
