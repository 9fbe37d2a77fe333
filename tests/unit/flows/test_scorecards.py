"""Scorecards of stored scores: by horizon, ticker and regime, issued bands apart from walked ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from db.engine import writing
from db.repositories.outcomes import VerificationRepository
from flows.context import store
from flows.reporting.scorecards import (
    SHORT_NAMES,
    Scorecards,
    build_scorecard_parts,
    load_horizon_scores,
    load_issued_tickers,
    load_scorecards,
    scorecards_to_plain,
)
from flows.reporting.tables import print_parts
from flows.settings import load_settings
from forecasting.backtesting.walk import Walked
from forecasting.evaluation.outcomes import score_walked
from forecasting.forecast import Forecast
from forecasting.types import Band, values

FIRST = date(2024, 1, 2)
# Of each band, in units of the outcome's scale.
WIDTHS = {"calibrated": 1.1, "predictive": 1.0, "mc_dropout": 0.2, "random_walk": 1.5}


def make_walked(day: int, ticker: str, regime: str, actual: float) -> Walked:
    """Bands of one session ahead."""
    as_of = FIRST + timedelta(days=day)
    edges = np.array([[-1.0, 0.0, 1.0]])
    forecast = Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=(as_of + timedelta(days=1),),
        levels=(0.05, 0.5, 0.95),
        log_returns={band: width * edges for band, width in WIDTHS.items()},
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
    issued = [make_walked(day, "AAA", "calm", value / 2) for day, value in enumerate(outcomes)]
    issued += [make_walked(day, "BBB", "stress", value) for day, value in enumerate(outcomes)]
    before = [make_walked(-20 - day, "AAA", "normal", 0.0) for day in range(10)]
    until = FIRST + timedelta(days=30)
    with writing(store(load_settings().url)) as connection:
        repository = VerificationRepository(connection, "sample")
        now = datetime(2024, 2, 1, tzinfo=UTC)
        repository.store(score_walked(issued, until).assign(kind="live"), now)
        repository.store(score_walked(before, until), now)


def printed(scorecards: Scorecards, scored: int, capsys: pytest.CaptureFixture[str]) -> str:
    print_parts(build_scorecard_parts(scorecards, scored))
    return capsys.readouterr().out


@pytest.mark.usefixtures("scored")
def test_coverage_is_counted_by_horizon_ticker_and_regime() -> None:
    scorecards = load_scorecards(load_settings())
    assert scorecards.outcomes == {"live": 20, "walk_forward": 10}
    tables = {by: frame.set_index(["method", by]) for by, frame in scorecards.issued.items()}
    assert tables["horizon"].loc[("calibrated", 1), "inside"] == pytest.approx(0.9)
    assert tables["ticker"].loc[("calibrated", "AAA"), "inside"] == 1
    assert tables["ticker"].loc[("calibrated", "BBB"), "inside"] == pytest.approx(0.8)
    assert tables["ticker"].loc[("calibrated", "BBB"), "below"] == pytest.approx(0.1)
    assert tables["regime"].loc[("mc_dropout", "stress"), "inside"] == pytest.approx(0.2)
    floor = tables["horizon"].loc["random_walk", "crps_to_random_walk"]
    assert list(floor) == [1]
    assert tables["horizon"].loc[("calibrated", 1), "crps_to_random_walk"] < 1


@pytest.mark.usefixtures("scored")
def test_one_ticker_can_be_chosen() -> None:
    settings = load_settings(tickers="BBB")
    scorecards = load_scorecards(settings)
    assert set(scorecards.issued["ticker"]["ticker"]) == {"BBB"}
    assert scorecards.walked.empty
    assert load_horizon_scores(settings).walked.empty
    assert len(load_horizon_scores(settings).issued) == len(WIDTHS)


@pytest.mark.usefixtures("scored")
def test_tables_and_json_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    scorecards = load_scorecards(load_settings())
    text = printed(scorecards, 3, capsys)
    assert "Scored 3 bands now; 20 issued bands have closed." in text
    for by in ("horizon", "ticker", "regime"):
        assert f"Issued bands by {by}" in text
    assert "Walked over history before the first was issued, by horizon" in text
    assert "90.0%" in text
    plain = scorecards_to_plain(scorecards, 3)
    assert list(plain) == ["source", "scored", "outcomes", "issued", "walked", "sources"]
    rows = plain["issued"]["regime"]
    assert {row["regime"] for row in rows} == {"calm", "stress"}
    assert len(rows) == 2 * len(WIDTHS)


def test_an_empty_store_has_no_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_issued_tickers(load_settings()) == ()
    scorecards = load_scorecards(load_settings())
    assert printed(scorecards, 0, capsys) == "Scored 0 bands now; 0 issued bands have closed.\n"
    assert scorecards_to_plain(scorecards, 0)["issued"] == {"horizon": [], "ticker": [], "regime": []}


def test_a_store_of_other_sources_is_hinted_at(capsys: pytest.CaptureFixture[str]) -> None:
    empty = load_scorecards(load_settings())
    scorecards = replace(empty, source="yahoo", sources=("csv", "sample"))
    assert "holds bands of csv, sample, none of yahoo; choose with --source" in printed(scorecards, 0, capsys)


def test_every_band_has_a_short_name() -> None:
    assert set(SHORT_NAMES) == set(values(Band))
