"""Two ways to the same scores: bands that were issued and stored, and the same bands in a walk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_forecasts import on_basis
from synthetic_prices import make_actions, scale_after

from forecasting.backtesting.rows import score_walk
from forecasting.backtesting.walk_forward import Issued, Methods, walk_forward
from forecasting.evaluation.outcomes import score_issued
from forecasting.features.market import compute_market_variance
from forecasting.features.preparation import prepare_returns
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, forecast_ticker
from forecasting.prices.history import PriceHistory
from forecasting.tables import BAND_SCORES, ISSUED_BANDS
from forecasting.types import Band, PriceBasis, values

ORIGINS = (date(2024, 5, 15), date(2024, 5, 28), date(2024, 5, 31), date(2024, 6, 4))
SPLIT, EX_DATE = date(2024, 5, 30), date(2024, 5, 17)
BANDS: tuple[Band, ...] = ("mc_dropout", "predictive", "random_walk")


@pytest.fixture(scope="module")
def history(histories: Sequence[PriceHistory]) -> PriceHistory:
    """The older share with a split and a dividend among the targets."""
    fallen = scale_after(histories[0], date(2024, 5, 29), 1 / 3)
    dividend = 0.02 * float(fallen.bars.loc[pd.Timestamp(EX_DATE), "close"])
    return replace(fallen, actions=make_actions({SPLIT: 3.0}, {EX_DATE: dividend}))


@pytest.fixture(scope="module", params=values(PriceBasis))
def returns(request: pytest.FixtureRequest, history: PriceHistory) -> DailyReturns:
    return prepare_returns(history, request.param)


@pytest.fixture(scope="module")
def based(forecaster: Forecaster, returns: DailyReturns) -> Forecaster:
    market = compute_market_variance([returns])
    return replace(on_basis(forecaster, returns.basis), market=market)


def list_rows(forecast: Forecast) -> Iterator[dict[str, object]]:
    """Rows of ISSUED_BANDS, as a store keeps them."""
    for band in BANDS:
        for step, target in enumerate(forecast.target_sessions):
            for index, level in enumerate(forecast.levels):
                yield {
                    "as_of": forecast.as_of,
                    "target_session": target,
                    "horizon": step + 1,
                    "anchor_close": forecast.anchor_close,
                    "kind": "walk_forward",
                    "quality": forecast.quality,
                    "regime": forecast.regime,
                    "reports_ahead": 0,
                    "price_basis": forecast.price_basis,
                    "band": band,
                    "level": level,
                    "log_return": forecast.log_returns[band][step, index],
                }


def issue_all(based: Forecaster, returns: DailyReturns) -> pd.DataFrame:
    forecasts = [forecast_ticker(based, returns, origin) for origin in ORIGINS]
    return ISSUED_BANDS.check(pd.DataFrame([row for each in forecasts for row in list_rows(each)]))


def walk_all(based: Forecaster, returns: DailyReturns, horizons: tuple[int, ...]) -> list[Issued]:
    methods = Methods(based, ("random_walk",), horizons)
    return list(walk_forward(methods, {returns.ticker: returns}, [returns.ticker], origins=ORIGINS))


def assert_same(scores: pd.DataFrame, others: pd.DataFrame) -> None:
    first, second = (
        BAND_SCORES.check(each).sort_values(list(BAND_SCORES.key), ignore_index=True)
        for each in (scores, others)
    )
    assert len(first) > 0
    same_values = {"check_dtype": False, "check_column_type": False}
    pd.testing.assert_frame_equal(first, second, rtol=1e-9, atol=1e-12, **same_values)


@pytest.mark.parametrize("horizons", [(1, 2, 3, 4, 5), (1, 3), (5,)])
def test_a_walk_and_a_store_have_the_same_scores(
    horizons: tuple[int, ...], based: Forecaster, returns: DailyReturns, history: PriceHistory
) -> None:
    issued = issue_all(based, returns)
    stored = score_issued(issued[issued["horizon"].isin(horizons)], history)
    walk = walk_all(based, returns, horizons)
    walked = score_walk(walk, {returns.ticker: returns})
    assert walked["actual_close"].isna().all()  # of no price: it was never issued
    assert_same(stored.assign(actual_close=np.nan), walked)


def test_what_has_closed_is_scored_and_nothing_else(based: Forecaster, returns: DailyReturns) -> None:
    horizons, cut = (1, 2, 3, 4, 5), date(2024, 5, 31)
    walk = walk_all(based, returns, horizons)
    scores = score_walk(walk, {returns.ticker: returns.until(cut)})
    counts = scores[scores["band"] == "predictive"].groupby("as_of").size()
    assert counts.to_dict() == {ORIGINS[0]: 5, ORIGINS[1]: 3}
    assert scores["target_session"].max() == cut


def test_a_method_without_a_forecast_has_no_scores(based: Forecaster, returns: DailyReturns) -> None:
    walk = walk_all(based, returns, (1, 5))
    unknown = np.full_like(walk[0].quantiles["predictive"], np.nan)
    gaps = [replace(each, quantiles={**each.quantiles, "fhs": unknown}) for each in walk]
    universe = {returns.ticker: returns}
    found = score_walk(gaps, universe)
    assert_same(found, score_walk(walk, universe))


def test_the_dividend_tells_the_bases_apart(history: PriceHistory) -> None:
    total, price = prepare_returns(history, "total_return"), prepare_returns(history, "split_adjusted")
    earned = total.realised(ORIGINS[0], [EX_DATE]) - price.realised(ORIGINS[0], [EX_DATE])
    assert 0.015 < earned.item() < 0.03
