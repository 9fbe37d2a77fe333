"""Scorecards of closed bands: coverage and scores by horizon, ticker and regime."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from db import Dimension, Store, Transaction
from flows.reporting.tables import STORED_DIGITS, Column, Part, Sheet, sheet_from_frame, to_records
from forecasting.config import MAIN_HORIZONS
from forecasting.types import Band, OutcomeKind

DIMENSIONS: tuple[Dimension, ...] = ("horizon", "ticker", "regime", "report")
SPLITS: tuple[Dimension, ...] = ("regime", "report")  # in each of which the bands are to hold
SHORT_NAMES: Mapping[Band, str] = {
    "calibrated": "cal.",
    "predictive": "pred.",
    "mc_dropout": "raw MC",
    "random_walk": "RW",
}
_WALKED: OutcomeKind = "walk_forward"
_PUBLIC_NAMES = {"band": "method", "n_outcomes": "outcomes", "realized_coverage": "inside"}


@dataclass(frozen=True)
class Scorecards:
    """Coverage and scores of the closed bands of one source.

    Attributes:
        source: Price source of the bands.
        outcomes: Number of closed bands of each kind.
        issued: Scores of issued bands by dimension.
        walked: Scores by horizon of bands that were made over history and never issued.
        sources: Every source with models in the store, sorted.
    """

    source: str
    outcomes: Mapping[OutcomeKind, int]
    issued: Mapping[Dimension, pd.DataFrame]
    walked: pd.DataFrame
    sources: tuple[str, ...]


@dataclass(frozen=True)
class HorizonScores:
    """Scores of issued and of walked bands at the main horizons.

    Attributes:
        issued: By horizon.
        walked: By horizon.
        splits: Scores of the issued bands over these horizons, by regime and by report.
    """

    issued: pd.DataFrame
    walked: pd.DataFrame
    splits: Mapping[Dimension, pd.DataFrame]


def load_scorecards(store: Store, tickers: Sequence[str]) -> Scorecards:
    """Load the scorecards of some tickers or, without any, of all."""
    with store.reading() as tx:
        models = tx.models.list(all_sources=True)
        return Scorecards(
            source=store.source,
            outcomes=tx.outcomes.counts(),
            issued={by: _load(tx, by, tickers=tickers) for by in DIMENSIONS},
            walked=_load(tx, "horizon", tickers=tickers, kinds=(_WALKED,)),
            sources=tuple(sorted({model.source for model in models if model.status != "baseline"})),
        )


def load_horizon_scores(store: Store, tickers: Sequence[str], since: date) -> HorizonScores:
    """Load the scores at the main horizons, of some tickers or, without any, of all.

    Args:
        store: Of the source.
        tickers: Which.
        since: Forecasts from earlier sessions do not count.
    """
    selection: dict[str, Any] = {"tickers": tickers, "horizons": MAIN_HORIZONS, "since": since}
    with store.reading() as tx:
        return HorizonScores(
            issued=_load(tx, "horizon", **selection),
            walked=_load(tx, "horizon", **selection, kinds=(_WALKED,)),
            splits={by: _load(tx, by, **selection) for by in SPLITS},
        )


def _load(tx: Transaction, by: Dimension, **selection: Any) -> pd.DataFrame:
    """Load one scorecard under the column names that users know."""
    return tx.outcomes.scorecard(by, **selection).rename(columns=_PUBLIC_NAMES)


def other_source_hint(what: str, sources: Sequence[str], source: str) -> str:
    """Return a hint if the store holds such things of other sources only; else an empty text."""
    if not sources or source in sources:
        return ""
    return f"The store holds {what} of {', '.join(sources)}, none of {source}; choose with --source."


def scorecards_to_plain(scorecards: Scorecards, scored: int) -> dict[str, Any]:
    """Convert scorecards, and how many bands were scored now, to plain values."""
    issued = {by: _to_records(frame) for by, frame in scorecards.issued.items()}
    return {
        "source": scorecards.source,
        "scored": scored,
        "outcomes": dict(scorecards.outcomes),
        "issued": issued,
        "walked": {"horizon": _to_records(scorecards.walked)},
        "sources": list(scorecards.sources),
    }


def build_scorecard_parts(scorecards: Scorecards, scored: int) -> Iterator[Part]:
    """Yield lines and tables: issued bands first, then bands that were made over history."""
    issued = sum(count for kind, count in scorecards.outcomes.items() if kind != _WALKED)
    yield f"Scored {scored} bands now; {issued} issued bands have closed."
    if hint := other_source_hint("bands", scorecards.sources, scorecards.source):
        yield hint
    if issued:
        for by in DIMENSIONS:
            yield _build_sheet(f"Issued bands by {by}", scorecards.issued[by], by)
    if _WALKED in scorecards.outcomes:
        title = "Walked over history before the first was issued, by horizon"
        yield _build_sheet(title, scorecards.walked, "horizon")


def _to_records(scores: pd.DataFrame) -> list[dict[str, Any]]:
    return to_records(sheet_from_frame(scores), STORED_DIGITS)


def _build_sheet(title: str, scores: pd.DataFrame, by: Dimension) -> Sheet:
    """Build one row for each value of a dimension: coverage of each band, and its scores."""
    shown = scores[scores[by].isin(MAIN_HORIZONS)] if by == "horizon" else scores
    rows = (
        (value, *_order_scores(part.set_index("method").reindex(list(SHORT_NAMES))))
        for value, part in shown.groupby(by, dropna=False)
    )
    return Sheet(title, (Column(by, "h" if by == "horizon" else by), *_score_columns()), tuple(rows))


def _score_columns() -> Iterator[Column]:
    yield Column("closed", "closed", "right")
    for band, name in SHORT_NAMES.items():
        yield Column(f"{band}_inside", f"{name} inside", "right", ".1%")
    for side in ("below", "above"):
        yield Column(side, side, "right", ".1%")
    for band, name in SHORT_NAMES.items():
        if band != "random_walk":
            yield Column(f"{band}_crps", f"{name} CRPS", "right")
    yield Column("calibrated_winkler", "cal. Winkler", "right")


def _order_scores(scores: pd.DataFrame) -> list[Any]:
    """Order the scores of a row by column; CRPS and Winkler score are in units of the random walk's."""
    own = scores.loc["calibrated"]
    closed = None if pd.isna(own["outcomes"]) else int(own["outcomes"])
    ratios = scores["crps_to_random_walk"].drop("random_walk")
    winkler = own["winkler"] / scores.loc["random_walk", "winkler"]
    return [closed, *scores["inside"], own["below"], own["above"], *ratios, winkler]
