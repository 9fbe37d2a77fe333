"""Markdown of the artifacts in the Prefect UI."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from records import make_promotion

from db import CalibrationRecord
from flows.presentation.artifacts import (
    describe_calibration,
    format_calibration,
    format_fan,
    format_key,
    format_promotion,
    list_bands,
)
from flows.presentation.odds import OddsScores
from flows.presentation.scorecards import HorizonScores
from forecasting.features.report_days import DatedReport

DAY = date(2024, 6, 3)
NOON = datetime(2024, 6, 3, 12, tzinfo=UTC)
NO_CONDITIONS = pd.DataFrame(columns=["horizon", "regime", "report", "n_outcomes", "inside"])
NO_ODDS = OddsScores(
    pd.DataFrame(columns=["horizon", "tenth", "outcomes", "mean_probability", "touched"]),
    pd.DataFrame(columns=["horizon", "level", "outcomes", "at_or_below"]),
)
DECISION = make_promotion(DAY, NOON, "new")


def test_keys_are_what_prefect_accepts_and_stay_the_same() -> None:
    keys = {name: format_key("fan", name) for name in ("AAPL", "BRK-B", "^GSPC", "EURUSD=X", "7203.T")}
    assert keys == {
        "AAPL": "fan-aapl",
        "BRK-B": "fan-brk-b",
        "^GSPC": "fan-index-gspc",
        "EURUSD=X": "fan-eurusd-x",
        "7203.T": "fan-7203-t",
    }


def test_a_promotion_shows_its_reason_and_the_scores_that_exist() -> None:
    text = format_promotion(DECISION)
    assert text.startswith("# new: promoted\n\nPromoted: no model served.\n\nAgainst no champion, on 100 ")
    assert "| CRPS of the challenger, of the random walk's | 98.00% |" in text
    assert "| CRPS of the champion, of the random walk's |  |" in text
    assert "| challenger's CRPS above that of the model in service | -2.00% |" in text
    assert "Its CRPS is 0.01000 in log returns." in text


def test_a_calibration_without_outcomes_says_so() -> None:
    empty = pd.DataFrame(
        columns=["horizon", "method", "outcomes", "inside", "below", "above", "crps_to_random_walk"]
    )
    scores = HorizonScores(empty, empty, NO_CONDITIONS, NO_ODDS)
    text = format_calibration(describe_calibration(None), scores, [])
    assert "State: nothing learned yet." in text
    assert text.count("None yet.") == 3
    assert "touches" not in text


def test_a_calibration_shows_scores_and_drift() -> None:
    record = CalibrationRecord("c1", "sample", DAY, "[]", 12, "0", NOON)
    scores = pd.DataFrame(
        {
            "method": ["calibrated", "fhs"],
            "horizon": [1, 1],
            "outcomes": [12, 12],
            "inside": [0.9, 0.8],
            "below": [0.1, 0.1],
            "above": [0.0, 0.1],
            "crps": [0.1, 0.1],
            "crps_to_random_walk": [0.95, float("nan")],
        }
    )
    conditions = pd.DataFrame(
        [(1, "calm", "with", 2, 1), (1, "stress", "without", 8, 8), (5, "calm", None, 4, 3)],
        columns=NO_CONDITIONS.columns,
    )
    odds = OddsScores(
        pd.DataFrame([(5, 0, 3, 0.04, 0.0), (10, 0, 1, 0.08, 1.0)], columns=NO_ODDS.touches.columns),
        pd.DataFrame([(5, 0.05, 4, 0.25), (5, 0.95, 4, 1.0)], columns=NO_ODDS.drawdowns.columns),
    )
    horizon_scores = HorizonScores(scores, scores.iloc[:0], conditions, odds)
    text = format_calibration(describe_calibration(record), horizon_scores, ["bands held 70 %"])
    assert "State: c1, from 12 outcomes." in text
    assert "**Drift**: bands held 70 %" in text
    assert "| 1 | calibrated | 12 | 0.900 | 0.100 | 0.000 | 0.950 |" in text
    for line in (
        "## Issued calibrated bands that held, by report and by regime",
        "| condition | h=1 | h=5 |",
        "| all | 90.0% | 75.0% |",
        "| with a report | 50.0% |  |",
        "| without a report | 100.0% |  |",
        "| calm | 50.0% | 75.0% |",
        "| 0% to 10% | 4 | 5.0% | 25.0% |",
        "| 5 | 25.0% | 100.0% |",
    ):
        assert line in text
    assert "normal" not in text
    assert "fhs" not in text
    assert text.count("None yet.") == 1


def test_a_fan_has_its_picture_above_its_bands() -> None:
    bands = pd.DataFrame(
        {
            "as_of": [DAY],
            "target_session": [date(2024, 6, 4)],
            "horizon": [1],
            "anchor_close": [1000.0],
            "lower": [990.5],
            "median": [1000.25],
            "upper": [1010.0],
            "coverage": [0.9],
            "quality": ["champion"],
        }
    )
    lines = format_fan("AAPL", bands, b"png").split("\n\n")
    assert lines[0] == "# AAPL, from 2024-06-03"
    assert lines[1] == "Close 1,000.00; bands of 90%, quality champion."
    assert lines[2] == "![Closes and forecast bands of AAPL](data:image/png;base64,cG5n)"
    assert lines[3].splitlines()[-1] == "| 1 | 2024-06-04 | 990.50 | 1,000.25 | 1,010.00 |"


@pytest.mark.parametrize(
    ("close", "shown", "listed"),
    [(0.0000254712345678, "0.000025471", 0.000025471235), (622_830.5512345, "622,830.55", 622_830.55)],
)
def test_a_price_of_any_size_is_readable_in_the_ui(close: float, shown: str, listed: float) -> None:
    prices = {name: [close] for name in ("anchor_close", "lower", "median", "upper")}
    bands = pd.DataFrame(
        {"ticker": ["AAA"], "as_of": [DAY], "target_session": [DAY], "horizon": [1], "coverage": [0.9]}
        | prices
        | {"quality": ["champion"], "reports_ahead": [0]}
    )
    (row,) = list_bands(bands)
    assert row["lower"] == row["close"] == listed
    lines = format_fan("AAA", bands, b"png").split("\n\n")
    assert lines[1].startswith(f"Close {shown}; ")
    assert lines[3].splitlines()[-1].count(shown) == 3


def test_the_table_of_bands_names_the_reports_up_to_each_target() -> None:
    rows = [(day, horizon) for horizon, day in enumerate((date(2024, 6, 4), date(2024, 6, 10)), start=1)]
    bands = pd.DataFrame(rows, columns=["target_session", "horizon"]).assign(
        ticker="AAA", as_of=DAY, lower=9.0, median=10.0, upper=11.0, quality="champion", anchor_close=10.5
    )
    bands["reports_ahead"] = [0, 1]
    report = DatedReport(date(2024, 6, 6), "before_open", "projected")
    near, far = list_bands(bands, {"AAA": (report,)})
    assert [near["reports_ahead"], far["reports_ahead"]] == [0, 1]
    assert near["report"] == ""
    assert far["report"] == "around 2024-06-06, before the open, projected"
