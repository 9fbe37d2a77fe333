"""Results of runs: typed until they are printed, as lines for people and JSON for programs."""

from datetime import date

from db import Store
from flows.presentation.summaries import build_backfill_lines, build_replay_lines, build_summary_parts
from flows.summary import BackfillSummary, Replay, RunOutputs, RunSummary, SessionFill
from forecasting.errors import UnknownTickerError

DAY = date(2024, 6, 3)
KEYS = ["as_of", "run_id", "model_version", "tickers", "quarantined", "seconds"]
FILL = SessionFill(DAY, published=("AAPL",))


def test_what_a_run_did_not_do_has_no_key() -> None:
    assert list(RunSummary(DAY).plain()) == KEYS
    assert list(RunSummary(DAY, scored=0).plain()) == [*KEYS, "scored"]
    assert RunSummary(DAY, promotion="Refused: worse.").plain()["gate"] == "Refused: worse."
    assert RunSummary(DAY, promotion="").plain()["gate"] is None


def test_a_whole_run_in_plain_values() -> None:
    summary = RunSummary(
        DAY,
        run_id="r1",
        model_version="m1",
        tickers=("AAPL",),
        quarantined={"NOPE": UnknownTickerError("NOPE", "the sample")},
        seconds={"ingest": 1.25},
        outputs=RunOutputs(plot="fan.png", database="sqlite://", query="SELECT 1"),
        filled=(FILL,),
    )
    assert summary.plain() == {
        "as_of": "2024-06-03",
        "run_id": "r1",
        "model_version": "m1",
        "tickers": ["AAPL"],
        "quarantined": {
            "NOPE": {
                "reason": "unknown_ticker",
                "detail": "NOPE: expected prices in the sample, found none; check the symbol.",
            }
        },
        "seconds": {"ingest": 1.25},
        "plot": "fan.png",
        "database": "sqlite://",
        "query": "SELECT 1",
        "filled": [{"session": "2024-06-03", "published": ["AAPL"], "failed": ""}],
    }


def test_a_run_that_published_nothing_is_a_line_for_each_fault_and_one_for_the_stages(store: Store) -> None:
    error = UnknownTickerError("NOPE", "the sample")
    summary = RunSummary(DAY, quarantined={"NOPE": error}, seconds={"ingest": 1.25, "train": 0.5})
    assert list(build_summary_parts(summary, store, None)) == [
        f"Quarantined NOPE (unknown_ticker): {error}",
        "As of 2024-06-03: ingest 1.2 s, train 0.5 s.",
    ]


def test_a_run_that_only_filled_sessions_still_names_the_place_of_the_bands(store: Store) -> None:
    report = RunOutputs(plot="fan.png", database="sqlite://", query="SELECT\n  1")
    parts = list(build_summary_parts(RunSummary(DAY, outputs=report), store, None))
    assert parts[1:] == ["Plot:     fan.png", "Database: sqlite://", "Query:    SELECT 1"]


def test_a_backfill_has_a_line_for_each_session_and_one_for_the_range() -> None:
    summary = BackfillSummary(DAY, date(2024, 6, 7), (FILL,))
    assert list(build_backfill_lines(summary)) == [
        "2024-06-03: bands of 1 ticker",
        "2024-06-03 to 2024-06-07: 1 session filled now.",
    ]
    assert list(summary.plain()) == ["start", "end", "sessions"]


def test_a_replay_is_equal_only_if_nothing_differs_and_nothing_was_replaced() -> None:
    equal = Replay("r1", ("AAPL",), {}, replaced=False)
    different = Replay("r1", (), {"AAPL": "other values than stored"}, replaced=False)
    replaced = Replay("r1", (), {}, replaced=True)
    assert [replay.equal for replay in (equal, different, replaced)] == [True, False, False]
    assert list(build_replay_lines(equal)) == ["Run r1: 1 ticker repeated, every row is bit-equal."]
    assert list(build_replay_lines(different)) == [
        "AAPL: other values than stored",
        "Besides changes of the store, other values of BANDCAST_EARNINGS_KNOWN_AHEAD and BANDCAST_CALENDARS "
        "than the run had, another release, other libraries or another processor can be the cause.",
        "Run r1: 1 ticker repeated, 1 differ.",
    ]
    assert list(build_replay_lines(replaced)) == ["Run r1: later runs have replaced all its forecasts."]
    assert list(equal.plain()) == ["run_id", "same", "different", "replaced", "equal"]
