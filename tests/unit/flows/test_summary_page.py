"""The page of a run, and the sentence of its state."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd

from db import CalibrationRecord, ModelRecord
from flows.presentation.summary_page import (
    RunPage,
    compare_widths,
    describe_run,
    format_page,
    select_extremes,
)
from flows.steps.present import list_artifacts
from flows.summary import RunOutputs, RunSummary, SessionFill
from forecasting.errors import StaleHistoryError

DAY, NOON = date(2024, 6, 3), datetime(2024, 6, 3, 12, tzinfo=UTC)
MODEL = ModelRecord("m1", "sample", date(2024, 5, 20), b"", "{}", {}, "f", NOON, status="champion")
SUMMARY = RunSummary(DAY, "r1", "m1", ("AAA", "BBB"), outputs=RunOutputs("fan.png", "sqlite://", "SELECT 1"))
STALE = {"CCC": StaleHistoryError("CCC", DAY, date(2024, 5, 1))}
FILLED = (SessionFill(date(2024, 5, 31)),)
COVERAGE = pd.DataFrame(
    {"method": ["calibrated", "random_walk"], "horizon": [5, 5], "outcomes": [40, 40], "inside": [0.9, 0.8]}
)


def make_bands(widths: dict[str, float]) -> pd.DataFrame:
    """Bands around 100 at the horizons 1 and 5, twice as wide at the latter."""
    rows = [
        (ticker, horizon, 100.0, 100 - 50 * width * scale, 100 + 50 * width * scale)
        for ticker, width in widths.items()
        for horizon, scale in ((1, 1), (5, 2))
    ]
    return pd.DataFrame(rows, columns=["ticker", "horizon", "anchor_close", "lower", "upper"])


def make_page(summary: RunSummary = SUMMARY) -> RunPage:
    bands, before = make_bands({"AAA": 0.05, "BBB": 0.02}), make_bands({"AAA": 0.04})
    calibration = CalibrationRecord("c1", "sample", DAY, "[]", 12, "0", NOON)
    return RunPage(summary, bands, before, MODEL, calibration, COVERAGE, ("bands", "gate"))


def test_the_sentence_has_counts_and_the_age_of_the_model() -> None:
    assert describe_run(SUMMARY, MODEL) == "2024-06-03: bands of 2 tickers, model m1, 14 days old."
    more = replace(SUMMARY, quarantined=STALE, filled=FILLED)
    assert describe_run(more, replace(MODEL, status="baseline")) == (
        "2024-06-03: bands of 2 tickers, 1 quarantined, 1 earlier session filled, the random walk's cone."
    )
    nothing = RunSummary(DAY, filled=FILLED)
    assert describe_run(nothing, None) == "2024-06-03: bands were complete, 1 earlier session filled."


def test_a_model_is_as_old_as_its_promotion_test() -> None:
    tested = replace(MODEL, evaluated_through=SUMMARY.as_of)
    assert describe_run(SUMMARY, tested) == "2024-06-03: bands of 2 tickers, model m1, 0 days old."


def test_the_page_shows_widths_with_their_change_coverage_and_the_query() -> None:
    text = format_page(make_page())
    assert "| AAA | 5 | 100.00 | 95.000 | 105.00 | 10.0% | +25.0% |" in text
    assert "| BBB | 5 | 100.00 | 98.000 | 102.00 | 4.0% |  |" in text
    assert text.index("| AAA |") < text.index("| BBB |")
    assert "Calibration: c1, from 12 outcomes." in text
    assert "| 5 | 40 | 90.0% |" in text
    assert "80.0%" not in text
    assert "SELECT 1" in text
    assert "Quarantined" not in text


def test_a_first_run_has_no_column_of_changes() -> None:
    text = format_page(replace(make_page(), before=make_bands({})))
    assert "| ticker | ahead | close | lower | upper | width |\n" in text
    assert "| AAA | 5 | 100.00 | 95.000 | 105.00 | 10.0% |\n" in text


def test_the_page_links_to_the_artifacts_that_the_run_has() -> None:
    assert "More: [bands](/artifacts/key/bands), [gate](/artifacts/key/gate), and" in format_page(make_page())
    assert list_artifacts(SUMMARY, decided=False, missing=False) == ("bands", "calibration")
    faulty = replace(SUMMARY, quarantined=STALE, fallbacks={"AAA": "random walk"})
    everything = ("bands", "calibration", "gate", "quarantined", "fallbacks", "missing-sessions")
    assert list_artifacts(faulty, decided=True, missing=True) == everything


def test_the_page_names_each_quarantined_ticker_once() -> None:
    text = format_page(make_page(replace(SUMMARY, quarantined=STALE)))
    assert text.count("| CCC | stale |") == 1


def test_without_bands_or_outcomes_the_page_has_no_empty_table() -> None:
    empty = make_bands({})
    page = replace(make_page(), bands=empty, before=empty, coverage=COVERAGE.iloc[:0], calibration=None)
    text = format_page(page)
    assert "| " not in text
    assert "nothing learned yet" in text


def test_of_many_tickers_the_extremes_alone_are_shown() -> None:
    many = make_bands({f"T{number}": 0.01 * number for number in range(1, 11)})
    shown = select_extremes(compare_widths(many, make_bands({})))
    assert list(shown["ticker"]) == ["T10", "T9", "T8", "T3", "T2", "T1"]
