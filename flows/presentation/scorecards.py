"""Scorecards of closed bands: coverage and scores by horizon, ticker and regime."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from db import Dimension, Selection, Store, Transaction
from flows.presentation.odds import OddsScores, build_odds_sheets, load_odds_scores, odds_to_plain
from flows.presentation.tables import STORED_DIGITS, Column, Part, Sheet, sheet_from_frame, to_records
from forecasting.config import MAIN_HORIZONS
from forecasting.text import format_count
from forecasting.types import REGIMES, Band, OutcomeKind

DIMENSIONS: tuple[Dimension, ...] = ("horizon", "ticker", "regime", "report")
SHORT_NAMES: Mapping[Band, str] = {
    "calibrated": "cal.",
    "predictive": "pred.",
    "mc_dropout": "MC",
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
        odds: Touches and drawdowns of the issued forecasts.
        conditions: Issued calibrated bands that held, by horizon, regime and report.
        sources: Every source with runs in the store, sorted.
    """

    source: str
    outcomes: Mapping[OutcomeKind, int]
    issued: Mapping[Dimension, pd.DataFrame]
    walked: pd.DataFrame
    odds: OddsScores
    conditions: pd.DataFrame
    sources: tuple[str, ...]


@dataclass(frozen=True)
class HorizonScores:
    """Scores of issued and of walked bands at the main horizons.

    Attributes:
        issued: By horizon.
        walked: By horizon.
        conditions: Issued calibrated bands that held, by horizon, regime and report.
        odds: Touches and drawdowns of the issued forecasts.
    """

    issued: pd.DataFrame
    walked: pd.DataFrame
    conditions: pd.DataFrame
    odds: OddsScores


def load_scorecards(store: Store, tickers: Sequence[str]) -> Scorecards:
    """Load the scorecards of some tickers or, without any, of all."""
    selection = Selection(tickers=tickers)
    with store.reading() as tx:
        return Scorecards(
            source=store.source,
            outcomes=tx.outcomes.count_by_kind(),
            issued={by: _load(tx, by, selection) for by in DIMENSIONS},
            walked=_load(tx, "horizon", replace(selection, kinds=(_WALKED,))),
            odds=load_odds_scores(tx, selection),
            conditions=tx.outcomes.count_by_condition(replace(selection, horizons=MAIN_HORIZONS)),
            sources=tx.forecasts.list_sources(),
        )


def load_horizon_scores(store: Store, tickers: Sequence[str], since: date) -> HorizonScores:
    """Load the scores at the main horizons, of some tickers (none: of all), of forecasts since a session."""
    selection = Selection(tickers=tickers, since=since)
    main = replace(selection, horizons=MAIN_HORIZONS)
    with store.reading() as tx:
        return HorizonScores(
            issued=load_issued_scores(tx, tickers, since),
            walked=_load(tx, "horizon", replace(main, kinds=(_WALKED,))),
            conditions=tx.outcomes.count_by_condition(main),
            odds=load_odds_scores(tx, selection),
        )


def load_issued_scores(tx: Transaction, tickers: Sequence[str], since: date) -> pd.DataFrame:
    """Load the scores of issued bands at the main horizons; the arguments are those of all scores."""
    return _load(tx, "horizon", Selection(tickers=tickers, since=since, horizons=MAIN_HORIZONS))


def _load(tx: Transaction, by: Dimension, selection: Selection) -> pd.DataFrame:
    """Load one scorecard under the column names that users know."""
    return tx.outcomes.compute_scorecard(by, selection).rename(columns=_PUBLIC_NAMES)


def other_source_hint(subject: str, sources: Sequence[str], source: str) -> str:
    """Return a hint if the store holds such things of other sources only; else an empty text."""
    if not sources or source in sources:
        return ""
    return f"The store holds {subject} of {', '.join(sources)}, none of {source}; choose with --source."


def scorecards_to_plain(scorecards: Scorecards, scored: int) -> dict[str, Any]:
    """Convert scorecards, and how many bands were scored now, to plain values."""
    issued = {by: _to_records(frame) for by, frame in scorecards.issued.items()}
    return {
        "source": scorecards.source,
        "scored": scored,
        "outcomes": dict(scorecards.outcomes),
        "issued": issued,
        "walked": {"horizon": _to_records(scorecards.walked)},
        "conditions": _to_records(scorecards.conditions.rename(columns={"n_outcomes": "outcomes"})),
        "odds": odds_to_plain(scorecards.odds),
        "sources": list(scorecards.sources),
    }


def build_scorecard_parts(scorecards: Scorecards, scored: int) -> Iterator[Part]:
    """Yield lines and tables: issued bands first, then bands that were made over history."""
    issued = sum(count for kind, count in scorecards.outcomes.items() if kind != _WALKED)
    closed = format_count(issued, "issued band has closed", "issued bands have closed")
    yield f"Scored {format_count(scored, 'band')} now; {closed}."
    if hint := other_source_hint("bands", scorecards.sources, scorecards.source):
        yield hint
    if issued:
        for by in DIMENSIONS:
            yield _build_sheet(f"Issued bands by {by}", scorecards.issued[by], by)
        yield build_condition_sheet(scorecards.conditions)
    yield from build_odds_sheets(scorecards.odds)
    if _WALKED in scorecards.outcomes:
        title = "Walked over history before the first was issued, by horizon"
        yield _build_sheet(title, scorecards.walked, "horizon")


def build_condition_sheet(conditions: pd.DataFrame) -> Sheet:
    """Build the realized coverage of the calibrated bands by condition and horizon."""
    horizons = sorted(conditions["horizon"].unique())
    groups = {"all": conditions}
    groups |= {f"{word} a report": conditions[conditions["report"] == word] for word in ("with", "without")}
    groups |= {str(regime): conditions[conditions["regime"] == regime] for regime in REGIMES}
    columns = (
        Column("condition", "condition"),
        *(Column(f"h{h}", f"h={h}", "right", ".1%") for h in horizons),
    )
    rows = tuple((name, *_share_inside(part, horizons)) for name, part in groups.items() if len(part))
    return Sheet("Issued calibrated bands that held, by report and by regime", columns, rows)


def _share_inside(part: pd.DataFrame, horizons: Sequence[int]) -> list[float | None]:
    """Return the share of the bands that held at each horizon, None without any."""
    sums = part.groupby("horizon")[["inside", "n_outcomes"]].sum().astype(float).reindex(horizons)
    return [None if pd.isna(share) else share for share in sums["inside"] / sums["n_outcomes"]]


def _to_records(scores: pd.DataFrame) -> list[dict[str, Any]]:
    return to_records(sheet_from_frame(scores), STORED_DIGITS)


def _build_sheet(title: str, scores: pd.DataFrame, by: Dimension) -> Sheet:
    """Build one row for each value of a dimension, known or not: coverage of each band, and its scores."""
    shown = scores[scores[by].isin(MAIN_HORIZONS)] if by == "horizon" else scores
    rows = (
        (
            "unknown" if pd.isna(value) else value,
            *_order_scores(part.set_index("method").reindex(list(SHORT_NAMES))),
        )
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
    calibrated = scores.loc["calibrated"]
    closed = None if pd.isna(calibrated["outcomes"]) else int(calibrated["outcomes"])
    ratios = scores["crps_to_random_walk"].drop("random_walk")
    winkler = calibrated["winkler"] / scores.loc["random_walk", "winkler"]
    return [closed, *scores["inside"], calibrated["below"], calibrated["above"], *ratios, winkler]
