"""Results of runs and of pruning, as a person reads them after a command."""

from collections.abc import Iterator
from dataclasses import asdict

from db import Pruned, Store
from flows.presentation.bands import build_bands_sheet, load_bands, load_expected_reports
from flows.presentation.tables import Part
from flows.summary import BackfillSummary, Replay, RunSummary
from forecasting.config import MAIN_HORIZONS
from forecasting.text import format_count

# Settings that no run stores; release and libraries of each are in `forecast_runs`.
_CAUSES = (
    "Besides changes of the store, other values of BANDCAST_EARNINGS_KNOWN_AHEAD and BANDCAST_CALENDARS than "
    "the run had, another release, other libraries or another processor can be the cause."
)


def build_summary_parts(summary: RunSummary, store: Store, known_ahead: int | None) -> Iterator[Part]:
    """Yield a run's bands, the quarantined tickers, what was left out, and where to look next."""
    if summary.run_id:
        bands = load_bands(store, summary.tickers, summary.as_of, horizons=MAIN_HORIZONS)
        reports = load_expected_reports(store, bands, known_ahead)
        yield build_bands_sheet(bands, reports)
    for ticker, error in summary.quarantined.items():
        yield f"Quarantined {ticker} ({error.reason}): {error}"
    for ticker, sentence in (summary.fallbacks or {}).items():
        yield f"Fell back {ticker}: {sentence}"
    for note in summary.notes:
        yield f"Note: {note}"
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in summary.seconds.items())
    model = f", model {summary.model_version}" if summary.model_version else ""
    yield f"As of {summary.as_of}{model}: {stages}."
    if summary.run_id:
        yield f"Run:      {summary.run_id}"
    if summary.outputs:
        on_one_line = {"query": " ".join(summary.outputs.query.split())}
        for name, value in (asdict(summary.outputs) | on_one_line).items():
            yield f"{name.capitalize() + ':':9} {value}"


def build_backfill_lines(summary: BackfillSummary) -> Iterator[str]:
    """Yield one line for each session that was filled, and a line for the range."""
    for fill in summary.sessions:
        yield f"{fill.session}: bands of {format_count(len(fill.published), 'ticker')}"
    yield f"{summary.start} to {summary.end}: {format_count(len(summary.sessions), 'session')} filled now."


def build_replay_lines(replay: Replay) -> Iterator[str]:
    """Yield a line for each ticker that differs, and the verdict."""
    for ticker, reason in replay.different.items():
        yield f"{ticker}: {reason}"
    if replay.replaced:
        yield f"Run {replay.run_id}: later runs have replaced all its forecasts."
        return
    if replay.different:
        yield _CAUSES
    verdict = "every row is bit-equal" if replay.equal else f"{len(replay.different)} differ"
    tickers = len(replay.same) + len(replay.different)
    yield f"Run {replay.run_id}: {format_count(tickers, 'ticker')} repeated, {verdict}."


def describe_pruned(pruned: Pruned, days: int, *, dry_run: bool) -> str:
    """Describe in a sentence what was pruned, or would be."""
    verb = "Would delete" if dry_run else "Deleted"
    return (
        f"{verb} the quantiles of {format_count(pruned.quantiles, 'scored comparison band')}, "
        f"{format_count(pruned.revisions, 'revision')} of prices and the weights of "
        f"{format_count(pruned.models, 'model')}, all older than {format_count(days, 'day')}."
    )
