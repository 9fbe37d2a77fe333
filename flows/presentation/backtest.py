"""Scorecard of a backtest: its sheets, its notes, and its numbers as plain values."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from flows.backtest.run import BacktestResult
from flows.presentation.tables import (
    Column,
    Part,
    Sheet,
    format_number,
    sheet_from_frame,
    to_markdown,
    to_records,
)
from forecasting.evaluation.scorecard import Scorecard
from forecasting.text import format_count

_TABLES = ("scores", "paired", "tests", "tickers", "pit")


def build_backtest_parts(result: BacktestResult) -> Iterator[Part]:
    """Yield every table of the scorecard, then the notes."""
    yield from build_backtest_sheets(result.card)
    yield from build_notes(result)


def backtest_to_markdown(result: BacktestResult) -> str:
    """Format tables and notes as Markdown."""
    tables = [f"**{sheet.title}**\n\n{to_markdown(sheet)}" for sheet in build_backtest_sheets(result.card)]
    return "\n\n".join([*tables, "\n".join(f"- {line}" for line in build_notes(result))])


def backtest_to_plain(result: BacktestResult) -> dict[str, Any]:
    """Convert every number to plain values; None where it is not known."""
    card = result.card
    return {
        "out": str(result.out),
        "contender": card.contender,
        "origins": len(result.schedule.reported),
        "warm_up_origins": len(result.schedule.warm_up),
        "fits": [str(day) for day in result.schedule.fits],
        "forecasts": result.forecasts,
        "left_out": result.left_out(),
        "unreadable": {ticker: str(error) for ticker, error in result.faults.items()},
        **{name: to_records(sheet_from_frame(getattr(card, name))) for name in _TABLES},
        "seconds": result.seconds,
    }


def build_notes(result: BacktestResult) -> Iterator[str]:
    """Yield lines on what was forecast, what was left out, and where the rows are."""
    card = result.card
    warm_up, fits = len(result.schedule.warm_up), len(result.schedule.fits)
    yield (
        f"{format_count(result.forecasts, 'forecast')} of {format_count(card.n_tickers, 'ticker')} "
        f"from {format_count(card.n_dates, 'origin')}, "
        f"{card.first} to {card.last}; "
        f"{format_count(warm_up, 'origin')} before them fed the calibration, {format_count(fits, 'fit')}."
    )
    for ticker, fault in result.faults.items():
        yield f"Left out everywhere: {ticker} ({fault.reason}): {fault}"
    for reason, counts in result.left_out().items():
        each = ", ".join(f"{ticker} {count}" for ticker, count in counts.items())
        yield f"Left out, replaced or not to be published, origins ({reason}): {each}"
    yield f"Rows: {result.out} ({result.seconds:.0f} s)"


def build_backtest_sheets(card: Scorecard) -> Iterator[Sheet]:
    """Yield every table of the scorecard."""
    band = f"{card.nominal_coverage:.0%} band"
    for title, scores, spec in (
        ("CRPS relative to the random walk", ("crps_relative",), ".3f"),
        (f"Winkler score of the {band} relative to the random walk", ("winkler_relative",), ".3f"),
        (f"Coverage of the {band}", ("coverage",), ".3f"),
        ("Share of outcomes below / above the band", ("below", "above"), ".3f"),
        ("Coverage in the calm / stressed third of the dates", ("coverage_calm", "coverage_stressed"), ".3f"),
        ("Coverage in each ticker's own calm / stressed third", ("own_calm", "own_stressed"), ".3f"),
        (
            "Coverage with / without an earnings report expected in the window",
            ("coverage_with_report", "coverage_without_report"),
            ".3f",
        ),
        ("Pinball loss x 1000 at the lowest / highest level", ("pinball_lower", "pinball_upper"), ".2f"),
    ):
        yield _build_horizon_sheet(card.scores, title, scores, spec=spec)
    yield _build_paired_sheet(card)
    yield _build_plain_sheet(card.tests, "Share of tickers that pass the tests of coverage at 5 %, horizon 1")
    tenths = "Share of outcomes in each tenth of the forecast distribution"
    yield _build_plain_sheet(card.pit, f"{tenths}, {card.contender}")
    yield _build_plain_sheet(card.tickers, f"Coverage by ticker, {card.contender}")


def _build_horizon_sheet(scores: pd.DataFrame, title: str, names: tuple[str, ...], *, spec: str) -> Sheet:
    """Build a row for each method, a column for each horizon and one for their mean; scores share a cell."""
    scale = 1000 if names[0].startswith("pinball") else 1
    rows = []
    for method, part in scores.groupby("method", sort=False):
        values = part[list(names)].to_numpy() * scale  # (H, scores)
        cells = [*values, values.mean(axis=0)]
        rows.append((str(method), *(" / ".join(format_number(v, spec) for v in cell) for cell in cells)))
    heads = ["method", *(f"h={horizon}" for horizon in scores["horizon"].unique()), "mean"]
    return Sheet(title, _columns(heads), tuple(rows))


def _build_paired_sheet(card: Scorecard) -> Sheet:
    """Build a row for each other method, with the difference and its interval at each horizon."""
    rows = tuple(
        (str(other), *(_format_interval(row) for row in part.itertuples()))
        for other, part in card.paired.groupby("other", sort=False)
    )
    title = f"CRPS of {card.contender} less that of the other, % of the random walk's, and 90 % interval"
    horizons = card.paired["horizon"].unique()
    return Sheet(title, _columns(["other", *(f"h={h}" if h else "mean" for h in horizons)]), rows)


def _build_plain_sheet(table: pd.DataFrame, title: str) -> Sheet:
    return sheet_from_frame(table, _columns([str(name) for name in table.columns]), title=title)


def _columns(heads: list[str]) -> tuple[Column, ...]:
    return tuple(Column(head, head, "right" if index else "left") for index, head in enumerate(heads))


def _format_interval(row: Any) -> str:
    difference, lower, upper = (
        format_number(100 * value, "+.2f") for value in (row.difference, row.lower, row.upper)
    )
    return f"{difference} [{lower}, {upper}]" if lower else difference  # none: too few dates
