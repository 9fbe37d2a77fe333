"""A walk issues what a daily run stored: the same model and session, by another way in."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from flow_runs import complete
from reading_store import rows

from db import Store
from flows.backtest.options import resolve_simulation
from flows.daily import daily
from flows.settings import load_settings
from flows.sources import SampleSource
from forecasting.backtesting.walk_forward import Methods, issue_forecasts
from forecasting.calendars.reports import EarningsDates
from forecasting.features.market import compute_market_variance
from forecasting.features.preparation import prepare_universe
from forecasting.pipeline import Forecaster

AS_OF = date(2012, 6, 15)
SHARED = (0.05, 0.25, 0.5, 0.75, 0.95)  # levels that a daily run keeps and a backtest has, too
TICKERS = ("AAPL", "IBM")


@pytest.mark.usefixtures("prefect_url")
def test_a_walk_issues_the_bands_that_the_daily_run_stored(store: Store) -> None:
    summary = complete(daily, tickers=list(TICKERS), as_of=AS_OF, horizon=5)
    assert summary.tickers == TICKERS
    stored = pd.DataFrame(
        rows("SELECT ticker, horizon, band, level, log_return FROM forecast_quantiles"),
        columns=["ticker", "horizon", "band", "level", "log_return"],
    ).pivot_table(index=["band", "ticker", "horizon"], columns="level", values="log_return")

    simulation = resolve_simulation(load_settings(), None, 5)
    model = store.load_model(str(summary.model_version))
    source = SampleSource()
    universe = prepare_universe(
        lambda ticker: source.fetch(ticker, None, date(2013, 3, 1)),
        model.manifest.reference,
        "split_adjusted",
        dates=lambda ticker: EarningsDates(source.earnings().reports.get(ticker, ())),
    ).returns
    forecaster = Forecaster(model, compute_market_variance(universe.values()), simulation)
    methods = Methods(forecaster, ("random_walk",), (1, 2, 3, 4, 5))
    issued = issue_forecasts(AS_OF, methods=methods, universe=universe, tickers=TICKERS)

    kept = [simulation.levels.index(level) for level in SHARED]
    for band in ("mc_dropout", "predictive", "random_walk"):
        for row, ticker in enumerate(issued.tickers):
            expected = stored.loc[(band, ticker)][list(SHARED)].to_numpy()
            np.testing.assert_allclose(issued.quantiles[band][row][:, kept], expected, rtol=1e-12, atol=0)
