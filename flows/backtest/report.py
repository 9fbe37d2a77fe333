"""The scorecard on the terminal, as Markdown and as JSON: the same tables."""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from flows.backtest.run import Walked
from forecasting.evaluation.scorecard import Scorecard

WIDTH = 180  # the widest table has six intervals side by side


class Sheet(NamedTuple):
    """A table to print: every cell is text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def print_card(walked: Walked) -> None:
    """Tables on standard output."""
    console = Console(width=WIDTH, soft_wrap=True, highlight=False)
    for sheet in sheets(walked.card):
        table = Table(title=sheet.title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for place, name in enumerate(sheet.columns):
            table.add_column(name, justify="right" if place else "left", no_wrap=True)
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for line in notes(walked):
        console.print(line, markup=False)


def card_markdown(walked: Walked) -> str:
    """The same as Markdown."""
    parts = []
    for sheet in sheets(walked.card):
        rule = "|".join(["---", *["---:"] * (len(sheet.columns) - 1)])
        lines = [f"**{sheet.title}**", "", f"| {' | '.join(sheet.columns)} |", f"|{rule}|"]
        parts.append("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in sheet.rows)]))
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in notes(walked))])


def card_json(walked: Walked) -> str:
    """Every number as one JSON object; what is not known is null."""
    card = walked.card
    tables = ("scores", "paired", "tests", "tickers", "pit")
    return json.dumps(
        {
            "out": str(walked.out),
            "contender": card.contender,
            "origins": len(walked.plan.reported),
            "warm_up_origins": len(walked.plan.warm_up),
            "fits": [str(day) for day in walked.plan.fits],
            "forecasts": walked.forecasts,
            "left_out": walked.left_out(),
            "unreadable": {ticker: str(error) for ticker, error in walked.faults.items()},
            **{name: _records(getattr(card, name)) for name in tables},
            "seconds": walked.seconds,
        },
        indent=1,
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]


def notes(walked: Walked) -> Iterator[str]:
    """What was forecast, and what was not."""
    first, last, dates, tickers = walked.card.span
    yield (
        f"{walked.forecasts} forecasts of {tickers} tickers from {dates} origins, {first} to {last}; "
        f"{len(walked.plan.warm_up)} origins before them fed the calibration, {len(walked.plan.fits)} fits."
    )
    for ticker, fault in walked.faults.items():
        yield f"Left out everywhere: {ticker} ({fault.reason}): {fault}"
    for reason, counts in walked.left_out().items():
        each = ", ".join(f"{ticker} {count}" for ticker, count in counts.items())
        yield f"Left out or replaced, origins ({reason}): {each}"
    yield f"Rows: {walked.out} ({walked.seconds:.0f} s)"


def sheets(card: Scorecard) -> Iterator[Sheet]:
    """Every table of the scorecard."""
    band = f"{card.coverage:.0%} band"
    for title, columns, digits in (
        ("CRPS relative to the random walk", ("crps_relative",), 3),
        (f"Winkler score of the {band} relative to the random walk", ("winkler_relative",), 3),
        (f"Coverage of the {band}", ("coverage",), 3),
        ("Share of outcomes below / above the band", ("below", "above"), 3),
        ("Coverage in the calm / stressed third of the dates", ("coverage_calm", "coverage_stressed"), 3),
        ("Coverage in each ticker's own calm / stressed third", ("own_calm", "own_stressed"), 3),
        ("Pinball loss x 1000 at the lowest / highest level", ("pinball_lower", "pinball_upper"), 2),
    ):
        yield _by_horizon(card.scores, title, columns, digits)
    yield _paired(card)
    yield _plain(card.tests, "Share of tickers that pass the tests of coverage at 5 %, horizon 1")
    yield _plain(card.pit, f"Share of outcomes in each tenth of the forecast distribution, {card.contender}")
    yield _plain(card.tickers, f"Coverage by ticker, {card.contender}")


def _by_horizon(scores: pd.DataFrame, title: str, columns: tuple[str, ...], digits: int) -> Sheet:
    """A row a method, a column a horizon and one for their mean; several scores share a cell."""
    scale = 1000 if columns[0].startswith("pinball") else 1
    horizons = scores["horizon"].unique()
    rows = []
    for method, part in scores.groupby("method", sort=False):
        values = part[list(columns)].to_numpy() * scale  # (H, columns)
        cells = [*values, values.mean(axis=0)]
        rows.append((str(method), *(" / ".join(_number(one, digits) for one in cell) for cell in cells)))
    return Sheet(title, ("method", *(f"h={h}" for h in horizons), "mean"), tuple(rows))


def _paired(card: Scorecard) -> Sheet:
    rows = []
    for other, part in card.paired.groupby("other", sort=False):
        cells = (
            f"{100 * row.difference:+.2f} [{100 * row.lower:+.2f}, {100 * row.upper:+.2f}]"
            for row in part.itertuples()
        )
        rows.append((str(other), *cells))
    title = f"CRPS of {card.contender} less that of the other, % of the random walk's, and 90 % interval"
    horizons = card.paired["horizon"].unique()
    return Sheet(title, ("other", *(f"h={h}" if h else "mean" for h in horizons)), tuple(rows))


def _plain(table: pd.DataFrame, title: str) -> Sheet:
    rows = tuple(
        tuple(_number(value, 3) if isinstance(value, float) else str(value) for value in row)
        for row in table.itertuples(index=False)
    )
    return Sheet(title, tuple(map(str, table.columns)), rows)


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"
