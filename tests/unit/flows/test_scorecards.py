"""Scorecards of stored scores: by horizon, ticker and regime, issued bands apart from walked ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from db import Store
from flows.presentation.scorecards import (
    SHORT_NAMES,
    Scorecards,
    build_scorecard_parts,
    load_horizon_scores,
    load_scorecards,
    scorecards_to_plain,
)
from flows.presentation.tables import Sheet, print_parts
from forecasting.evaluation.outcomes import tabulate_scores
from forecasting.evaluation.scores import Scores
from forecasting.types import Band, OutcomeKind, Regime, values

FIRST = date(2024, 1, 2)
LEVELS = (0.05, 0.5, 0.95)
# Of each band, in units of the outcome's scale.
WIDTHS = {"calibrated": 1.1, "predictive": 1.0, "mc_dropout": 0.2, "random_walk": 1.5}


def score(
    ticker: str, regime: Regime, outcomes: np.ndarray, *, first: date, kind: OutcomeKind
) -> pd.DataFrame:
    """BAND_SCORES of bands one session ahead, from consecutive days."""
    days = [first + timedelta(days=day) for day in range(len(outcomes))]
    facts = pd.DataFrame(
        {
            "as_of": days,
            "target_session": [day + timedelta(days=1) for day in days],
            "ticker": ticker,
            "kind": kind,
            "horizon": 1,
            "quality": "champion",
            "regime": regime,
            "reports_ahead": np.arange(len(days)) % 2,
            "actual_close": np.nan,
        }
    )
    edges = np.tile([-1.0, 0.0, 1.0], (len(days), 1))  # (N, Q)
    scores = [
        tabulate_scores(facts.assign(band=band), Scores(LEVELS, width * edges, outcomes))
        for band, width in WIDTHS.items()
    ]
    return pd.concat(scores, ignore_index=True)


@pytest.fixture
def scored(store: Store) -> Store:
    """Twenty issued bands of two tickers, and ten that were only walked."""
    outcomes = np.linspace(-1.2, 1.2, 10)
    scores = [
        score("AAA", "calm", outcomes / 2, first=FIRST, kind="live"),
        score("BBB", "stress", outcomes, first=FIRST, kind="live"),
        score("AAA", "normal", np.zeros(10), first=FIRST - timedelta(days=30), kind="walk_forward"),
    ]
    with store.writing() as tx:
        tx.outcomes.save(pd.concat(scores, ignore_index=True), datetime(2024, 2, 1, tzinfo=UTC))
    return store


def printed(scorecards: Scorecards, scored: int, capsys: pytest.CaptureFixture[str]) -> str:
    print_parts(build_scorecard_parts(scorecards, scored))
    return capsys.readouterr().out


def test_coverage_is_counted_by_horizon_ticker_and_regime(scored: Store) -> None:
    scorecards = load_scorecards(scored, ())
    assert scorecards.outcomes == {"live": 20, "walk_forward": 10}
    tables = {by: frame.set_index(["method", by]) for by, frame in scorecards.issued.items()}
    assert tables["horizon"].loc[("calibrated", 1), "inside"] == pytest.approx(0.9)
    assert tables["ticker"].loc[("calibrated", "AAA"), "inside"] == 1
    assert tables["ticker"].loc[("calibrated", "BBB"), "inside"] == pytest.approx(0.8)
    assert tables["ticker"].loc[("calibrated", "BBB"), "below"] == pytest.approx(0.1)
    assert tables["regime"].loc[("mc_dropout", "stress"), "inside"] == pytest.approx(0.2)
    report = tables["report"]
    assert report.loc[("calibrated", "with"), ["outcomes", "inside"]].tolist() == pytest.approx([10, 0.9])
    assert report.loc[("random_walk", "without"), "outcomes"] == 10
    floor = tables["horizon"].loc["random_walk", "crps_to_random_walk"]
    assert list(floor) == [1]
    assert tables["horizon"].loc[("calibrated", 1), "crps_to_random_walk"] < 1


def test_one_ticker_can_be_chosen(scored: Store) -> None:
    scorecards = load_scorecards(scored, ["BBB"])
    assert set(scorecards.issued["ticker"]["ticker"]) == {"BBB"}
    assert scorecards.walked.empty
    assert load_horizon_scores(scored, ["BBB"], date.min).walked.empty
    assert len(load_horizon_scores(scored, ["BBB"], date.min).issued) == len(WIDTHS)


def test_tables_and_json_hold_the_same(scored: Store, capsys: pytest.CaptureFixture[str]) -> None:
    scorecards = load_scorecards(scored, ())
    text = printed(scorecards, 3, capsys)
    assert "Scored 3 bands now; 20 issued bands have closed." in text
    for by in ("horizon", "ticker", "regime", "report"):
        assert f"Issued bands by {by}" in text
    assert "Walked over history before the first was issued, by horizon" in text
    assert "90.0%" in text
    plain = scorecards_to_plain(scorecards, 3)
    names = ["source", "scored", "outcomes", "issued", "walked", "conditions", "odds", "sources"]
    assert list(plain) == names
    assert "that held, by report and by regime" in text
    held = {(row["regime"], row["report"]): row["inside"] for row in plain["conditions"]}
    assert held == {
        ("calm", "with"): 5,
        ("calm", "without"): 5,
        ("stress", "with"): 4,
        ("stress", "without"): 4,
    }
    assert plain["odds"] == {"touches": [], "drawdowns": []}
    rows = plain["issued"]["regime"]
    assert {row["regime"] for row in rows} == {"calm", "stress"}
    assert len(rows) == 2 * len(WIDTHS)


def test_bands_without_earnings_dates_are_named(store: Store) -> None:
    scores = score("AAA", "calm", np.zeros(4), first=FIRST, kind="live")
    scores["reports_ahead"] = pd.array([pd.NA] * len(scores), "Int64")
    with store.writing() as tx:
        tx.outcomes.save(scores, datetime(2024, 2, 1, tzinfo=UTC))
    sheets = [
        part for part in build_scorecard_parts(load_scorecards(store, ()), 0) if isinstance(part, Sheet)
    ]
    (sheet,) = [sheet for sheet in sheets if sheet.title == "Issued bands by report"]
    assert [row[0] for row in sheet.rows] == ["unknown"]


def test_an_empty_store_has_no_tables(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    scorecards = load_scorecards(store, ())
    assert printed(scorecards, 0, capsys) == "Scored 0 bands now; 0 issued bands have closed.\n"
    empty: dict[str, list[object]] = {"horizon": [], "ticker": [], "regime": [], "report": []}
    assert scorecards_to_plain(scorecards, 0)["issued"] == empty


def test_a_store_of_other_sources_is_hinted_at(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    scorecards = replace(load_scorecards(store, ()), source="yahoo", sources=("csv", "sample"))
    assert "holds bands of csv, sample, none of yahoo; choose with --source" in printed(scorecards, 0, capsys)


def test_every_band_has_a_short_name() -> None:
    assert set(SHORT_NAMES) == set(values(Band))
