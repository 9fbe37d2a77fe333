"""Odds of the way against what happened: touches by tenth of their probability, drawdowns by quantile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from db import Selection, Transaction
from flows.presentation.tables import STORED_DIGITS, Column, Sheet, sheet_from_frame, to_records


@dataclass(frozen=True)
class OddsScores:
    """Odds of issued forecasts that have closed.

    Attributes:
        touches: Mean probability of touches and the share that happened, by horizon and tenth.
        drawdowns: Share of drawdowns at or below each quantile, by horizon and level.
    """

    touches: pd.DataFrame
    drawdowns: pd.DataFrame


def load_odds_scores(tx: Transaction, selection: Selection) -> OddsScores:
    """Load the scores of selected forecasts."""
    return OddsScores(tx.paths.compare_touches(selection), tx.paths.compare_drawdowns(selection))


def build_odds_sheets(odds: OddsScores) -> Iterator[Sheet]:
    """Yield a table of touches over all horizons, and one of drawdowns by horizon; nothing without any."""
    if len(odds.touches):
        yield _build_touches(odds.touches)
    if len(odds.drawdowns):
        yield _build_drawdowns(odds.drawdowns)


def odds_to_plain(odds: OddsScores) -> dict[str, list[dict[str, Any]]]:
    """Convert the scores to plain values, by horizon."""
    frames = {"touches": odds.touches, "drawdowns": odds.drawdowns}
    return {name: to_records(sheet_from_frame(frame), STORED_DIGITS) for name, frame in frames.items()}


def _build_touches(touches: pd.DataFrame) -> Sheet:
    weights = touches["outcomes"]
    sums = touches[["mean_probability", "touched"]].mul(weights, axis=0).assign(outcomes=weights)
    by_tenth = sums.groupby(touches["tenth"]).sum()
    rows = tuple(
        (f"{tenth / 10:.0%} to {(tenth + 1) / 10:.0%}", int(row.outcomes), *row[:2] / row.outcomes)
        for tenth, row in by_tenth.iterrows()
    )
    columns = (
        Column("tenth", "probability"),
        Column("outcomes", "closed", "right"),
        Column("mean_probability", "mean", "right", ".1%"),
        Column("touched", "touched", "right", ".1%"),
    )
    return Sheet("Probabilities of touches, and the share that happened", columns, rows)


def _build_drawdowns(drawdowns: pd.DataFrame) -> Sheet:
    shares = drawdowns.pivot_table(index="horizon", columns="level", values="at_or_below")
    levels = (Column(f"level_{level:g}", f"{level:.0%}", "right", ".1%") for level in shares.columns)
    rows = tuple((horizon, *row) for horizon, row in zip(shares.index, shares.to_numpy(), strict=True))
    title = "Share of drawdowns at or below their quantiles"
    return Sheet(title, (Column("horizon", "h"), *levels), rows)
