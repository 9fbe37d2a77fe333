"""The age of bands is counted in sessions of the ticker's own exchange, at the start of the run."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import numpy as np
import pytest

from db import ModelRecord, RunRecord
from flows.context import open_context
from flows.steps.ages import load_ages
from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import Forecast
from forecasting.types import Band

DUE = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)  # a Friday evening in New York
MONDAY_EVENING = datetime(2024, 6, 10, 22, 30, tzinfo=UTC)
THURSDAY, FRIDAY = date(2024, 6, 6), date(2024, 6, 7)


def make_forecast(ticker: str, as_of: date) -> Forecast:
    return Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=next_sessions("XNYS", as_of, 1),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(get_args(Band), np.log([[0.9, 1.0, 1.1]])),
        model_variance=np.full(1, 1e-4),
        noise_variance=np.full(1, 2e-4),
        quality="champion",
        data_fingerprint="f",
        regime="normal",
        n_outcomes=(0,),
    )


@pytest.mark.parametrize(
    ("now", "ages"),
    [(DUE, {"AAPL": 0, "7203.T": 1}), (MONDAY_EVENING, {"AAPL": 1, "7203.T": 2})],
)
def test_sessions_that_closed_after_the_newest_band_are_counted(now: datetime, ages: dict[str, int]) -> None:
    """Of a late run, too; BRK.B is of no known exchange."""
    tickers = ("AAPL", "7203.T", "BRK.B", "MSFT")
    with open_context(DUE, now=now, source="yahoo", tickers=tickers) as context:
        issued = [make_forecast(ticker, FRIDAY) for ticker in ("AAPL", "BRK.B")]
        assert load_ages(context, [*issued, make_forecast("7203.T", THURSDAY)]) == ages


def test_tickers_of_other_runs_age_with_those_of_this_one(model: ModelRecord, run: RunRecord) -> None:
    """Tokyo has traded on Friday, on Monday, and on Tuesday before New York opens."""
    tuesday = datetime(2024, 6, 11, 12, tzinfo=UTC)
    with open_context(tuesday, now=tuesday, source="yahoo", tickers=("AAPL",)) as context:
        with context.store.writing() as tx:
            tx.models.add(model)
            record = replace(run, source="yahoo", as_of=THURSDAY)
            tx.forecasts.publish(tx.forecasts.prepare(record, [make_forecast("7203.T", THURSDAY)]))
        assert load_ages(context, [make_forecast("AAPL", FRIDAY)]) == {"AAPL": 1, "7203.T": 3}
