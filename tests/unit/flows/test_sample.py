"""The bundled sample: five shares as traded, with their real actions."""

from datetime import date

import pytest

from flows.sources import SampleSource
from forecasting.errors import UnknownTickerError

END = date(2024, 6, 30)


def test_the_sample_holds_five_shares() -> None:
    sample = SampleSource()
    assert sample.tickers() == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert sample.last_session(("AAPL", "NONE")) == date(2013, 3, 1)
    counts = [len(sample.fetch(ticker, None, END).bars) for ticker in sample.tickers()]
    assert counts == [3270, 196, 2148, 3270, 3270]


def test_the_sample_knows_no_other_share() -> None:
    for ticker in ("TSLA", "../x"):
        with pytest.raises(UnknownTickerError, match="bundled sample"):
            SampleSource().fetch(ticker, None, END)


def test_the_sample_is_as_traded_with_its_real_actions() -> None:
    actions = SampleSource().fetch("AAPL", None, END).actions
    splits = actions["split"][actions["split"] != 1.0]
    dividends = actions["dividend"][actions["dividend"] != 0.0]
    assert {day.date(): ratio for day, ratio in splits.items()} == {
        date(2000, 6, 21): 2.0,
        date(2005, 2, 28): 2.0,
    }
    assert dividends.tolist() == pytest.approx([2.65, 2.65, 2.65], abs=1e-6)
    assert [day.date() for day in dividends.index] == [date(2012, 8, 9), date(2012, 11, 7), date(2013, 2, 7)]


def test_the_sample_has_no_spurious_dividend() -> None:
    sample = SampleSource()
    dividends = sample.fetch("MSFT", None, END).actions["dividend"]
    paid = sorted(set(dividends[dividends > 0].round(4)))
    assert paid == [0.08, 0.09, 0.1, 0.11, 0.13, 0.16, 0.2, 0.23, 3.08]
    assert sample.fetch("GOOG", None, END).actions.empty
    quarters = sample.fetch("IBM", None, END).actions.index.to_period("Q")
    assert quarters.is_unique
    assert len(quarters) == 52
