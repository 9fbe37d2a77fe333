"""Bands as `show`, `plot` and reports load them: of the configured source unless another is named."""

import json
from datetime import UTC, date, datetime
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from records import make_run
from typer.testing import CliRunner

from db import Store
from db.engine import reading, writing
from flows.cli import app
from flows.presentation.bands import format_query
from forecasting.calendars.reports import Report
from forecasting.errors import UsageError
from forecasting.forecast import Forecast
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions
from forecasting.types import Band, SourceKind

DAY = date(2024, 1, 2)
NOW = datetime(2024, 1, 2, 22, tzinfo=UTC)
ANCHORS: dict[SourceKind, float] = {"csv": 50.0, "yahoo": 70.0}


@pytest.fixture(autouse=True)
def issued(store: Store) -> Store:
    """Store with bands of AAA from csv and yahoo, and none of the configured source."""
    for source, anchor in ANCHORS.items():
        publish(store.for_source(source), anchor)
    return store


def publish(store: Store, anchor: float, ticker: str = "AAA", reports_ahead: int | None = None) -> None:
    days = pd.DatetimeIndex(["2024-01-02"])
    actions = as_actions(pd.DataFrame({"split": [], "dividend": []}, pd.DatetimeIndex([])))
    history = PriceHistory(ticker, pd.DataFrame(anchor, days, list(BAR_COLUMNS)), actions)
    forecast = Forecast(
        ticker=ticker,
        as_of=DAY,
        anchor_close=anchor,
        target_sessions=(date(2024, 1, 3),),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(get_args(Band), np.log([[0.9, 1.0, 1.1]])),
        model_variance=np.array([1e-4]),
        noise_variance=np.array([1e-4]),
        quality="baseline",
        data_fingerprint="f",
        regime="calm",
        n_outcomes=(0,),
        reports_ahead=None if reports_ahead is None else (reports_ahead,),
    )
    with store.writing() as tx:
        version = tx.models.add_baseline(NOW)
        tx.prices.save(history, NOW)
        run = make_run(store.source, DAY, NOW, source=store.source, model_version=version)
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast]))


def show(*arguments: str) -> set[float]:
    """Anchors of the bands that the command shows."""
    result = CliRunner().invoke(app, ["show", "--json", *arguments])
    assert result.exit_code == 0, result.exception
    return {row["anchor_close"] for row in json.loads(result.stdout)}


@pytest.mark.parametrize(("source", "anchor"), ANCHORS.items())
def test_show_knows_the_source_by_setting_or_option(
    monkeypatch: pytest.MonkeyPatch, source: str, anchor: float
) -> None:
    assert show("--source", source) == {anchor}
    monkeypatch.setenv("BANDCAST_SOURCE", source)
    assert show() == {anchor}


def test_counts_are_whole_numbers_in_json_also_beside_missing_ones(issued: Store) -> None:
    publish(issued.for_source("csv"), 60.0, "BBB", reports_ahead=1)
    shown = CliRunner().invoke(app, ["show", "--json", "--source", "csv"]).stdout
    assert '"reports_ahead": null' in shown
    assert '"reports_ahead": 1,' in shown


def test_a_source_without_bands_names_the_store_and_those_that_have_some(issued: Store) -> None:
    for command in ("show", "plot"):
        error = CliRunner().invoke(app, [command]).exception
        assert isinstance(error, UsageError)
        assert str(error) == (
            f"Expected a stored sample forecast of any ticker, found none in {issued.display_url}; "
            "choose one of csv, yahoo with --source."
        )


def test_prices_that_another_source_has_are_answered_with_its_name() -> None:
    error = CliRunner().invoke(app, ["prices", "show", "AAA"]).exception
    assert str(error) == (
        "Expected stored sample prices of AAA, found none; choose one of csv, yahoo with --source."
    )
    error = CliRunner().invoke(app, ["prices", "show", "ZZZ", "--source", "csv"]).exception
    assert str(error) == "Expected stored csv prices of ZZZ, found none; run `bandcast ingest`."


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("--as-of 1990-01-01", f"the first session with bands is {DAY}, so name that or a later one."),
        ("--tickers ZZZ,AAA --as-of 1990-01-01", f"the first session with bands is {DAY}, so name"),
        ("--tickers ZZZ --as-of 1990-01-01", "choose one of yahoo with --source."),
        ("--tickers ZZZ", "choose one of yahoo with --source."),
    ],
)
@pytest.mark.parametrize("command", ["show", "plot"])
def test_bands_that_are_not_stored_are_answered_with_those_that_are(
    command: str, arguments: str, advice: str
) -> None:
    error = CliRunner().invoke(app, [command, "--source", "csv", *arguments.split()]).exception
    assert isinstance(error, UsageError)
    assert f"; {advice}" in str(error)


def test_a_ticker_that_was_never_forecast_is_to_be_run(issued: Store) -> None:
    with writing(issued.engine) as connection:
        connection.execute(sa.text("DELETE FROM forecasts WHERE source = 'yahoo'"))
        connection.execute(sa.text("DELETE FROM forecast_runs WHERE source = 'yahoo'"))
    error = CliRunner().invoke(app, ["show", "--source", "csv", "--tickers", "ZZZ"]).exception
    assert str(error).endswith("; run `bandcast run --tickers ZZZ` first.")


def test_plot_draws_the_source_that_is_named() -> None:
    result = CliRunner().invoke(app, ["plot", "--source", "csv", "--out", "fan.png"])
    assert (result.exit_code, result.stdout.strip()) == (0, "fan.png")


def test_the_query_reads_the_rows_of_the_source(issued: Store) -> None:
    with reading(issued.engine) as connection:
        rows = connection.execute(sa.text(format_query("yahoo"))).all()
    assert [row.anchor_close for row in rows] == [70.0]
    assert max(map(len, format_query("yahoo").splitlines())) < 80  # of a page's block, which cuts longer ones


@pytest.mark.parametrize(
    ("setting", "marked"), [({}, True), ({"_KNOWN_AHEAD": "0"}, False), ({"": "off"}, False)]
)
def test_reports_are_marked_as_the_forecasts_knew_them(
    store: Store, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], marked: bool
) -> None:
    with store.for_source("csv").writing() as tx:
        tx.earnings.replace({"AAA": [Report(date(2024, 1, 3), "after_close")]}, NOW)
    for name, value in setting.items():
        monkeypatch.setenv(f"BANDCAST_EARNINGS{name}", value)
    for command in ("show --source csv", "prices status --source csv"):
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 0
        assert ("2024-01-03, after the close, announced" in " ".join(result.stdout.split())) is marked


@pytest.mark.parametrize("reports", [(), (Report(date(2024, 1, 3)),)], ids=["without dates", "with a date"])
def test_bands_load_no_calendar(
    store: Store, monkeypatch: pytest.MonkeyPatch, reports: tuple[Report, ...]
) -> None:
    """It would take a quarter of the time of `show`; the bands have the sessions that dates need."""

    def refuse(*_: object) -> None:
        raise AssertionError("a calendar was loaded")

    with store.for_source("csv").writing() as tx:
        tx.earnings.replace({"AAA": reports}, NOW)
    monkeypatch.setattr("flows.presentation.report_dates.sessions_between", refuse)
    monkeypatch.setenv("BANDCAST_EARNINGS_KNOWN_AHEAD", "1")  # as many sessions as the bands reach
    result = CliRunner().invoke(app, ["show", "--source", "csv"])
    assert result.exit_code == 0, result.output
    assert ("2024-01-03, time unknown, announced" in result.stdout) is bool(reports)
