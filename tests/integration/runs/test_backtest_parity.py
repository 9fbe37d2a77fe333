"""A backtest issues what a daily run stored: the same model and session, through another door."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.issue import Forecasters, issue
from reading_store import rows

from flows.backtest.options import resolve_simulation
from flows.daily import daily
from flows.settings import load_settings
from flows.sources import SampleSource
from flows.steps.models import model

AS_OF = date(2012, 6, 15)
SHARED = (0.05, 0.25, 0.5, 0.75, 0.95)  # levels that a daily run keeps and a backtest has, too


@pytest.mark.usefixtures("prefect_url")
def test_a_walk_issues_the_bands_that_the_daily_run_stored() -> None:
    summary = daily(tickers=["AAPL", "IBM"], as_of=AS_OF, horizon=5)
    assert summary.tickers == ("AAPL", "IBM")
    stored = pd.DataFrame(
        rows("SELECT ticker, horizon, band, level, log_return FROM forecast_quantiles"),
        columns=["ticker", "horizon", "band", "level", "log_return"],
    ).pivot_table(index=["band", "ticker", "horizon"], columns="level", values="log_return")

    settings = load_settings()
    simulation = resolve_simulation(settings, None, 5)
    served = model(settings.url, summary.model_version)
    forecasters = Forecasters(served, ("random_walk",), simulation, (1, 2, 3, 4, 5))
    source = SampleSource()
    histories = {name: source.fetch(name, None, date(2013, 3, 1)) for name in served.manifest.reference}
    issued = issue(forecasters, histories, ["AAPL", "IBM"], AS_OF)

    kept = [simulation.levels.index(level) for level in SHARED]
    for band in ("mc_dropout", "predictive", "random_walk"):
        for row, ticker in enumerate(issued.tickers):
            expected = stored.loc[(band, ticker)][list(SHARED)].to_numpy()
            np.testing.assert_allclose(issued.quantiles[band][row][:, kept], expected, rtol=1e-12, atol=0)
