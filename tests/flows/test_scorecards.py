"""Scorecards of stored scores: by horizon, ticker and regime, issued bands apart from walked ones."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from db.engine import writing
from db.repositories.outcomes import VerificationRepository
from flows.context import store
from flows.reporting.scorecards import METHODS, print_scorecards, scorecards, scorecards_json
from flows.settings import load_settings
from forecasting.backtesting.walk import Walked
from forecasting.evaluation.outcomes import score_walked
from forecasting.forecast import Forecast

FIRST = date(2024, 1, 2)
WIDTHS = dict(
    zip(METHODS, (1.1, 1.0, 0.2, 1.5), strict=True)
)  # of each band, in units of the outcome's scale


def walked(day: int, ticker: str, regime: str, actual: float) -> Walked:
    """Bands of one session ahead."""
    as_of = FIRST + timedelta(days=day)
    edges = np.array([[-1.0, 0.0, 1.0]])
    forecast = Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=(as_of + timedelta(days=1),),
        levels=(0.05, 0.5, 0.95),
        log_returns={method: width * edges for method, width in WIDTHS.items()},
        model_variance=np.zeros(1),
        noise_variance=np.ones(1),
        quality="champion",
        data_fingerprint="f",
        regime=regime,
        outcomes=(0,),
    )
    return Walked(forecast, np.array([actual]))


@pytest.fixture
def scored() -> None:
    """Twenty issued bands of two tickers, and ten that were only walked."""
    outcomes = np.linspace(-1.2, 1.2, 10)
    issued = [walked(day, "AAA", "calm", value / 2) for day, value in enumerate(outcomes)]
    issued += [walked(day, "BBB", "stress", value) for day, value in enumerate(outcomes)]
    before = [walked(-20 - day, "AAA", "normal", 0.0) for day in range(10)]
    until = FIRST + timedelta(days=30)
    with writing(store(load_settings().url)) as connection:
        repository = VerificationRepository(connection, "sample")
        now = datetime(2024, 2, 1, tzinfo=UTC)
        repository.store(score_walked(issued, until).assign(kind="live"), now)
        repository.store(score_walked(before, until), now)


def test_coverage_is_told_by_horizon_ticker_and_regime(scored: None) -> None:
    found = scorecards(load_settings())
    assert found["outcomes"] == {"live": 20, "walk_forward": 10}
    tables = {by: frame.set_index(["method", by]) for by, frame in found["issued"].items()}
    assert tables["horizon"].loc[("calibrated", 1), "inside"] == pytest.approx(0.9)
    assert tables["ticker"].loc[("calibrated", "AAA"), "inside"] == 1
    assert tables["ticker"].loc[("calibrated", "BBB"), "inside"] == pytest.approx(0.8)
    assert tables["ticker"].loc[("calibrated", "BBB"), "below"] == pytest.approx(0.1)
    assert tables["regime"].loc[("mc_dropout", "stress"), "inside"] == pytest.approx(0.2)
    floor = tables["horizon"].loc["random_walk", "crps_to_random_walk"]
    assert list(floor) == [1]
    assert tables["horizon"].loc[("calibrated", 1), "crps_to_random_walk"] < 1


def test_one_ticker_can_be_asked_for(scored: None) -> None:
    found = scorecards(load_settings(tickers="BBB"))
    assert set(found["issued"]["ticker"]["ticker"]) == {"BBB"}
    assert found["walked"]["horizon"].empty


def test_tables_and_json_say_the_same(scored: None, capsys: pytest.CaptureFixture[str]) -> None:
    found = {"source": "sample", "scored": 3, **scorecards(load_settings())}
    print_scorecards(found)
    told = capsys.readouterr().out
    assert "Scored 3 bands now; 20 issued bands have closed." in told
    for title in (
        "Issued bands by horizon",
        "Issued bands by ticker",
        "Issued bands by regime",
        "Walked over",
    ):
        assert title in told
    assert "90.0%" in told
    rows = json.loads(scorecards_json(found))["issued"]["regime"]
    assert {row["regime"] for row in rows} == {"calm", "stress"}
    assert len(rows) == 2 * len(METHODS)


def test_an_empty_store_has_no_tables(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"source": "sample", "scored": 0, **scorecards(load_settings())}
    print_scorecards(found)
    assert capsys.readouterr().out == "Scored 0 bands now; 0 issued bands have closed.\n"
    assert json.loads(scorecards_json(found))["issued"] == {"horizon": [], "ticker": [], "regime": []}


def test_a_store_of_another_source_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"source": "yahoo", "scored": 0, **scorecards(load_settings()), "sources": ["csv", "sample"]}
    print_scorecards(found)
    assert "holds bands of csv, sample, none of yahoo; choose with --source" in capsys.readouterr().out
