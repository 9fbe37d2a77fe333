"""Walking over history: what is read at each origin, what counts as closed, and the cold start."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.walk import actual_returns, closed_rows, cold_start, walk_forward

from forecasting.backtesting import walk
from forecasting.calibration import CLOSED
from forecasting.config import CalibrationConfig
from forecasting.pipeline import make_forecast
from forecasting.prices.history import PriceHistory

ORIGINS = (date(2024, 5, 15), date(2024, 5, 22), date(2024, 6, 3))


@pytest.fixture(scope="module")
def shares(histories):
    """Without the currency pair, whose calendar is another."""
    return [one for one in histories if one.ticker != "COIN"]


@pytest.fixture(scope="module")
def of_shares(model, shares):
    manifest = model.manifest.model_copy(update={"reference": tuple(one.ticker for one in shares)})
    return replace(model, manifest=manifest)


@pytest.fixture(scope="module")
def walked(of_shares, shares, tiny_simulation):
    return walk_forward(of_shares, shares, ORIGINS, tiny_simulation)


def crashed(history: PriceHistory, after: date) -> PriceHistory:
    """The same prices up to a session, and a tenth of them later."""
    bars = history.bars.copy()
    bars.loc[bars.index > pd.Timestamp(after), ["open", "high", "low", "close"]] *= 0.1
    return replace(history, bars=bars)


def test_every_ticker_is_forecast_at_every_origin(walked):
    issued = [(one.forecast.as_of, one.forecast.ticker) for one in walked]
    assert issued == [(origin, ticker) for origin in ORIGINS for ticker in ("OLD", "NEW")]


def test_an_origin_on_which_a_ticker_did_not_trade_is_left_out(of_shares, shares, tiny_simulation):
    assert walk_forward(of_shares, shares, [date(2024, 5, 18)], tiny_simulation) == []


def test_a_walked_forecast_is_the_one_that_would_have_been_issued(of_shares, shares, walked, tiny_simulation):
    known = [one.until(ORIGINS[0]) for one in shares]
    market = walk.market_of(known, ORIGINS[0], "split_adjusted")
    one = walked[0].forecast
    alone = make_forecast(of_shares, known[0], market, one.target_sessions, tiny_simulation)
    for band, quantiles in one.log_returns.items():
        np.testing.assert_array_equal(quantiles, alone.log_returns[band])


def test_prices_after_an_origin_change_outcomes_and_no_forecast(of_shares, shares, walked, tiny_simulation):
    other = walk_forward(
        of_shares, [crashed(one, ORIGINS[1]) for one in shares], ORIGINS[:2], tiny_simulation
    )
    for before, after in zip(walked, other, strict=False):
        for band, quantiles in before.forecast.log_returns.items():
            np.testing.assert_array_equal(quantiles, after.forecast.log_returns[band])
    assert (other[2].actual < -2).all()


def test_outcomes_are_the_log_returns_to_the_target_sessions(shares, walked):
    one = walked[0]
    closes = np.log(shares[0].bars["close"])
    targets = pd.DatetimeIndex(one.forecast.target_sessions).as_unit("s")
    expected = closes.reindex(targets).to_numpy() - closes[pd.Timestamp(one.forecast.as_of)]
    np.testing.assert_allclose(one.actual, expected)
    late = replace(one.forecast, target_sessions=(date(2024, 6, 5), date(2030, 1, 2)))
    assert np.isnan(actual_returns(shares[0], late, "split_adjusted")).tolist() == [False, True]


def test_a_split_between_issue_and_outcome_is_no_return(shares, walked):
    later = pd.Timestamp(ORIGINS[0]) + pd.Timedelta(days=2)
    bars, actions = shares[0].bars.copy(), pd.DataFrame({"split": 4.0, "dividend": 0.0}, index=[later])
    bars.loc[bars.index >= later, ["open", "high", "low", "close"]] /= 4
    split = replace(shares[0], bars=bars, actions=actions.rename_axis("session"))
    np.testing.assert_allclose(actual_returns(split, walked[0].forecast, "split_adjusted"), walked[0].actual)


def test_only_what_has_closed_is_closed(walked):
    rows = closed_rows(walked, date(2024, 5, 24))
    assert set(CLOSED) < set(rows.columns)
    assert rows.groupby("as_of").size().to_dict() == {
        pd.Timestamp(ORIGINS[0]): 2 * 5,
        pd.Timestamp(ORIGINS[1]): 2 * 2,
    }
    assert rows["actual"].notna().all()
    assert closed_rows(walked, ORIGINS[0]).empty
    assert closed_rows([], ORIGINS[0]).empty


@pytest.fixture
def short_cold_start(monkeypatch, tiny_config, tiny_simulation):
    monkeypatch.setattr(walk, "COLD_SESSIONS", 60)
    monkeypatch.setattr(walk, "FEWEST_FITTED", 250)
    return tiny_config, tiny_simulation, CalibrationConfig()


def test_a_cold_start_walks_up_to_the_session_and_calibrates_on_the_way(shares, short_cold_start):
    told = []
    as_of = date(2024, 6, 5)
    walked = cold_start(shares, as_of, short_cold_start, lambda done, total: told.append((done, total)))
    assert told == [(step, 6) for step in range(1, 7)]
    assert max(one.forecast.as_of for one in walked) < as_of
    assert walked[0].forecast.outcomes == (0,) * 5
    assert walked[-1].forecast.outcomes[0] == len(walked) - 2
    predictive, calibrated = (walked[-1].forecast.log_returns[band] for band in ("predictive", "calibrated"))
    assert not np.array_equal(predictive, calibrated)


def test_a_cold_start_knows_nothing_of_what_follows(shares, short_cold_start):
    as_of = date(2024, 4, 30)
    ends = [shares, [crashed(one, as_of) for one in shares], [one.until(as_of) for one in shares]]
    found = [closed_rows(cold_start(one, as_of, short_cold_start, lambda *_: None), as_of) for one in ends]
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)


def test_too_short_a_history_gives_no_cold_start(shares, short_cold_start):
    recent = [replace(one, bars=one.bars.iloc[-150:]) for one in shares]
    assert cold_start(recent, date(2024, 6, 5), short_cold_start, lambda *_: None) == []
    assert cold_start([], date(2024, 6, 5), short_cold_start, lambda *_: None) == []
