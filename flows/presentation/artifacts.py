"""Artifacts of runs in the Prefect UI, under keys that stay the same, so that the UI keeps a history."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import pandas as pd
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from db import CalibrationRecord, PromotionRecord
from flows.doctor.finding import Finding
from flows.presentation.odds import build_odds_sheets
from flows.presentation.report_dates import describe_report, select_reports
from flows.presentation.scorecards import SHORT_NAMES, HorizonScores, build_condition_sheet
from flows.presentation.tables import (
    Column,
    Sheet,
    escape_markdown,
    sheet_from_frame,
    to_markdown,
    to_records,
)
from flows.summary import SessionFill
from forecasting.errors import PriceError
from forecasting.features.report_days import DatedReport
from forecasting.text import format_count, format_price

SHOWN_DIGITS = 8  # of numbers in a table of the UI
_BANDS = [
    *("ticker", "as_of", "target_session", "horizon"),
    *("anchor_close", "lower", "median", "upper", "quality", "reports_ahead"),
]
_SCORES = ["method", "outcomes", "inside", "below", "above", "crps_to_random_walk"]
_DECISION = {  # label -> attribute, all relative to a CRPS
    "CRPS of the challenger, of the random walk's": "challenger_crps",
    "CRPS of the champion, of the random walk's": "champion_crps",
    "challenger's CRPS above that of the model in service": "difference",
    "with 95 % confidence above": "lower",
    "with 95 % confidence below": "upper",
    "at most, to renew an old champion": "tolerance",
}
_FAN_COLUMNS = (
    Column("horizon", "ahead", "right"),
    Column("target_session", "session"),
    *(Column(name, name, "right", format_price) for name in ("lower", "median", "upper")),
)


def format_key(kind: str, name: str) -> str:
    """Format an artifact key: Prefect wants small letters, digits and dashes.

    >>> format_key("fan", "BRK-B"), format_key("fan", "^GSPC"), format_key("fan", "EURUSD=X")
    ('fan-brk-b', 'fan-index-gspc', 'fan-eurusd-x')
    """
    words = re.sub("[^a-z0-9]+", "-", name.lower().replace("^", "index-"))
    return f"{kind}-{words.strip('-')}"


def show_bands(bands: pd.DataFrame, query: str, reports: Mapping[str, Sequence[DatedReport]]) -> None:
    """Show a table of bands with the reports up to their targets, and the query that reads the bands."""
    create_table_artifact(list_bands(bands, reports), key="bands", description=f"The newest bands: {query}")


def list_bands(
    bands: pd.DataFrame, reports: Mapping[str, Sequence[DatedReport]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """List bands as rows of a table, whose prices are numbers of a few significant digits."""
    shown = bands[_BANDS].rename(columns={"anchor_close": "close"})
    rows = to_records(sheet_from_frame(shown), digits=SHOWN_DIGITS)
    for row, band in zip(rows, bands.itertuples(), strict=True):
        first = band.as_of + timedelta(days=1)
        within = select_reports(reports.get(band.ticker, ()), first, band.target_session)
        row["report"] = "; ".join(map(describe_report, within))
    return rows


def show_fan(ticker: str, bands: pd.DataFrame, png: bytes) -> None:
    """Show the fan chart of one ticker above its bands."""
    create_markdown_artifact(
        format_fan(ticker, bands, png),
        key=format_key("fan", ticker),
        description=f"{escape_markdown(ticker)}, from {bands['as_of'].iloc[0]}",
    )


def format_fan(ticker: str, bands: pd.DataFrame, png: bytes) -> str:
    """Format a fan chart and the bands of one ticker as Markdown."""
    first = bands.iloc[0]
    name = escape_markdown(ticker)
    parts = (
        f"# {name}, from {first.as_of}",
        f"Close {format_price(first.anchor_close)}; bands of {first.coverage:.0%}, quality {first.quality}.",
        f"![Closes and forecast bands of {name}](data:image/png;base64,{base64.b64encode(png).decode()})",
        to_markdown(sheet_from_frame(bands[[column.key for column in _FAN_COLUMNS]], _FAN_COLUMNS)),
    )
    return "\n\n".join(parts)


def show_promotion(decision: PromotionRecord) -> None:
    """Show a promotion decision with the scores that it rests on."""
    description = f"{decision.challenger} {_verdict(decision)} as of {decision.as_of}"
    create_markdown_artifact(format_promotion(decision), key="gate", description=description)


def format_promotion(decision: PromotionRecord) -> str:
    """Format a promotion decision as Markdown."""
    columns = (Column("score", "score"), Column("value", "value", "right", ".2%"))
    rows = tuple((name, getattr(decision, attribute)) for name, attribute in _DECISION.items())
    parts = (
        f"# {decision.challenger}: {_verdict(decision)}",
        escape_markdown(decision.reason),
        f"Against {decision.champion or 'no champion'}, on {format_count(decision.forecasts, 'outcome')} of "
        f"{format_count(decision.dates, 'date')} up to {decision.as_of}.",
        to_markdown(Sheet("", columns, rows)),
        f"Without a champion, the random walk stands for the model in service. Its CRPS is "
        f"{decision.reference_crps:.5f} in log returns.",
    )
    return "\n\n".join(parts)


def show_calibration(
    as_of: date, calibration: CalibrationRecord | None, scores: HorizonScores, *, drifts: Sequence[str]
) -> None:
    """Show how closed bands have done, and where coverage has drifted."""
    state = describe_calibration(calibration)
    text = format_calibration(state, scores, drifts)
    create_markdown_artifact(text, key="calibration", description=f"Calibration as of {as_of}: {state}")


def describe_calibration(calibration: CalibrationRecord | None) -> str:
    """Describe a calibration state in a few words."""
    if calibration is None:
        return "nothing learned yet"
    return f"{calibration.calibration_id}, from {format_count(calibration.n_outcomes, 'outcome')}"


def format_calibration(state: str, scores: HorizonScores, drifts: Sequence[str]) -> str:
    """Format the calibration report as Markdown."""
    parts = [
        "# Calibration",
        f"State: {state}.",
        *(f"**Drift**: {escape_markdown(sentence)}" for sentence in drifts),
        "## Issued bands that have closed",
        _format_scores(scores.issued),
        "## Walked over history, never issued",
        _format_scores(scores.walked),
        *map(_format_sheet, (build_condition_sheet(scores.conditions), *build_odds_sheets(scores.odds))),
        "`inside` is the share of closes within the outermost quantiles; `crps_to_random_walk` below 1 is "
        "better than the random walk issued beside.",
    ]
    return "\n\n".join(parts)


def show_quarantined(as_of: date, errors: Mapping[str, PriceError]) -> None:
    """Show why tickers were left out of a run, if any were; the UI renders cells as Markdown."""
    if not errors:
        return
    rows = [
        {"ticker": escape_markdown(ticker), "reason": error.reason, "detail": escape_markdown(str(error))}
        for ticker, error in errors.items()
    ]
    create_table_artifact(rows, key="quarantined", description=f"Left out on {as_of}")


def show_fallbacks(as_of: date, fallbacks: Mapping[str, str]) -> None:
    """Show which tickers a lower rung has served, and why; nothing where none."""
    if fallbacks:
        rows = [{"ticker": ticker, "served by": text} for ticker, text in fallbacks.items()]
        create_table_artifact(rows, key="fallbacks", description=f"Served by a lower rung on {as_of}")


def show_missing_sessions(sessions: Sequence[date], action: str) -> None:
    """Show earlier sessions without complete bands, and what happens to them."""
    rows = [{"session": str(session), "now": action} for session in sessions]
    create_table_artifact(rows, key="missing-sessions", description="Sessions without complete bands")


def show_backfill(start: date, end: date, fills: Sequence[SessionFill]) -> None:
    """Show the result of each session of a backfill."""
    rows = [fill.plain() | {"failed": escape_markdown(fill.failed)} for fill in fills]
    create_table_artifact(rows, key="backfill", description=f"Sessions from {start} to {end}")


def show_page(text: str, as_of: date) -> None:
    """Show the page of a run."""
    create_markdown_artifact(text, key="summary", description=f"The run of {as_of}")


def show_findings(findings: Sequence[Finding]) -> None:
    """Show what the doctor found, and what to do about it."""
    rows = [{name: escape_markdown(value) for name, value in asdict(finding).items()} for finding in findings]
    create_table_artifact(rows, key="doctor", description="Findings of the doctor")


def _verdict(decision: PromotionRecord) -> str:
    return "promoted" if decision.promoted else "refused"


def _format_sheet(sheet: Sheet) -> str:
    return f"## {sheet.title}\n\n{to_markdown(sheet) or 'None yet.'}"


def _format_scores(scores: pd.DataFrame) -> str:
    names = ["horizon", *_SCORES]
    rows = scores.loc[scores["method"].isin(list(SHORT_NAMES)), names]
    columns = [Column(name, name, "left" if name == "method" else "right") for name in names]
    return to_markdown(sheet_from_frame(rows, columns)) or "None yet."
