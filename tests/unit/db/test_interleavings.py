"""Any interleaving of what runs do to a store keeps what consumers rely on, by a twin in plain Python."""

import functools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from records import make_run
from store_twin import SESSIONS, TICKERS, Bands, Twin, make_forecast

from db import Transaction, open_store, upgrade_store
from db.engine import reading
from forecasting.evaluation.outcomes import score_issued
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions
from forecasting.types import RunKind

chosen = st.sets(st.sampled_from(TICKERS), min_size=1).map(sorted)
moves = st.sampled_from((0.9, 0.99, 1.0, 1.01, 1.1))
widths = st.sampled_from((0.02, 0.2))
horizons = st.integers(1, 3)


class CrashError(Exception):
    """The end of a process within a transaction."""


class Runs(RuleBasedStateMachine):
    """Two tickers, fourteen sessions, and runs that come as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "bandcast.db"
        shutil.copy(make_template(), path)
        self.url = f"sqlite:///{path}"
        self.store = open_store(self.url, "sample")
        self.twin, self.today, self.runs = Twin(), 0, 0
        self.now = datetime(2024, 1, 2, 22, tzinfo=UTC)
        self.live: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.is_verified = False
        self.repeat: Callable[[], None] | None = None

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def tick(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now

    def read(self, query: str) -> list[tuple[Any, ...]]:
        with reading(self.store.engine) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def save(self, ticker: str) -> None:
        closes = self.twin.closes[ticker]
        bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, pd.Series(closes)))
        bars.index = pd.DatetimeIndex(bars.index)
        actions = as_actions(pd.DataFrame({"split": [], "dividend": []}, pd.DatetimeIndex([])))
        with self.store.writing() as tx:
            tx.prices.save(PriceHistory(ticker, bars, actions), self.tick())

    @initialize()
    def begin(self) -> None:
        for ticker in TICKERS:
            self.twin.closes[ticker][SESSIONS[0]] = 100.0
            self.save(ticker)

    @precondition(lambda self: self.today < len(SESSIONS) - 4)
    @rule(tickers=chosen, move=moves)
    def ingest_a_session(self, tickers: list[str], move: float) -> None:
        """A session closes; a ticker that is not named has no bar of it."""
        self.today += 1
        self.now = datetime.combine(SESSIONS[self.today], datetime.min.time(), UTC) + timedelta(hours=22)
        for ticker in tickers:
            closes = self.twin.closes[ticker]
            closes[SESSIONS[self.today]] = round(closes[max(closes)] * move, 6)
            self.save(ticker)
        self.is_verified = False

    @rule(ticker=st.sampled_from(TICKERS), back=st.integers(0, 3), move=st.sampled_from((0.999, 1.001, 0.9)))
    def correct_a_close(self, ticker: str, back: int, move: float) -> None:
        session = sorted(self.twin.closes[ticker])[-1 - back :][0]
        self.twin.closes[ticker][session] = round(self.twin.closes[ticker][session] * move, 6)
        self.save(ticker)
        self.is_verified = False

    @rule(tickers=chosen, width=widths, horizon=horizons)
    def publish_live(self, tickers: list[str], width: float, horizon: int) -> None:
        self.publish(SESSIONS[self.today], "live", tickers, width=width, horizon=horizon)

    @precondition(lambda self: self.today > 0)
    @rule(tickers=chosen, width=widths, horizon=horizons, back=st.integers(1, 5))
    def backfill(self, tickers: list[str], width: float, horizon: int, back: int) -> None:
        session = SESSIONS[max(0, self.today - back)]
        self.publish(session, "backfill", tickers, width=width, horizon=horizon)

    @precondition(lambda self: any(own.kind == "live" for own in self.twin.bands.values()))
    @rule(data=st.data(), width=widths, horizon=horizons)
    def reissue(self, data: st.DataObject, width: float, horizon: int) -> None:
        live = sorted(key for key, own in self.twin.bands.items() if own.kind == "live")
        ticker, session = data.draw(st.sampled_from(live))
        kind: RunKind = "live" if session == SESSIONS[self.today] else "backfill"
        self.publish(session, kind, [ticker], width=width, horizon=horizon, reissue=True)

    def publish(
        self,
        session: date,
        kind: RunKind,
        tickers: Sequence[str],
        *,
        width: float,
        horizon: int,
        reissue: bool = False,
    ) -> None:
        bands = {
            ticker: Bands(kind, self.twin.closes[ticker][session], width, horizon)
            for ticker in tickers
            if session in self.twin.closes[ticker]
        }
        if not bands:
            return
        self.runs += 1
        name = f"r{self.runs}"

        def repeat() -> None:
            with self.store.writing() as tx:
                self.write(tx, name, session, bands=bands, kind=kind, reissue=reissue)

        repeat()
        self.repeat = repeat
        self.twin.publish(session, bands, reissue=reissue)
        self.is_verified = False
        live = {key for key, own in self.twin.bands.items() if own.kind == "live"}
        for row in self.read_forecasts():
            if row[:2] in live:
                self.live.setdefault(row[:4], row)

    def write(
        self,
        tx: Transaction,
        name: str,
        session: date,
        *,
        bands: dict[str, Bands],
        kind: RunKind,
        reissue: bool = False,
    ) -> None:
        run = make_run(name, session, self.tick(), model_version=tx.models.add_baseline(self.now), kind=kind)
        forecasts = [make_forecast(ticker, session, own) for ticker, own in bands.items()]
        publication = tx.forecasts.prepare(run, forecasts, reissue=reissue)
        tx.forecasts.publish(publication, dict.fromkeys(bands, 0))

    @rule()
    def verify(self) -> None:
        with self.store.writing() as tx:
            self.score(tx)
        self.is_verified = True

    def score(self, tx: Transaction) -> None:
        until, at = SESSIONS[self.today], self.tick()
        for ticker in tx.outcomes.list_tickers():
            pending = tx.outcomes.load_pending(ticker, until)
            if not pending.empty:
                history = tx.prices.load(ticker, until, pending["as_of"].min())
                tx.outcomes.save(score_issued(pending, history), at)

    @rule(keep=st.integers(0, 5))
    def prune(self, keep: int) -> None:
        self.store.prune(self.tick(), timedelta(days=keep))

    @rule(width=widths)
    def crash(self, width: float) -> None:
        """A run dies after it has written everything, and before it commits."""
        before = self.read_all()
        session = SESSIONS[self.today]
        bands = {
            ticker: Bands("backfill", closes[session], width, 3)
            for ticker, closes in self.twin.closes.items()
            if session in closes
        }

        def die_uncommitted() -> None:
            with self.store.writing() as tx:
                self.write(tx, "dead", session, bands=bands, kind="backfill")
                self.score(tx)
                raise CrashError

        with pytest.raises(CrashError):
            die_uncommitted()
        assert self.read_all() == before

    @precondition(lambda self: self.repeat is not None)
    @rule()
    def run_again(self) -> None:
        before = self.read_bands()
        assert self.repeat is not None
        self.repeat()
        assert self.read_bands() == before

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = open_store(self.url, "sample")

    def read_forecasts(self) -> list[tuple[Any, ...]]:
        rows = self.read(
            "SELECT ticker, as_of, target_session, horizon, anchor_close, lower, median, upper, run_id,"
            " issued_at FROM forecasts ORDER BY 1, 2, 3"
        )
        return [(row[0], date.fromisoformat(row[1]), *row[2:]) for row in rows]

    def read_bands(self) -> list[list[tuple[Any, ...]]]:
        return [self.read_forecasts(), self.read("SELECT * FROM forecast_editions ORDER BY 1, 2, 3, 4, 5")]

    def read_all(self) -> list[list[tuple[Any, ...]]]:
        tables = (
            "forecasts",
            "forecast_editions",
            "forecast_quantiles",
            "edition_quantiles",
            "forecast_runs",
            "verifications",
            "universes",
            "price_bars",
        )
        return [sorted(self.read(f"SELECT * FROM {table}"), key=str) for table in tables]

    @invariant()
    def live_rows_never_change(self) -> None:
        rows = {row[:4]: row for row in self.read_forecasts()}
        assert {key: rows.get(key) for key in self.live} == self.live

    @invariant()
    def calibrated_quantiles_are_complete(self) -> None:
        counted = self.read("SELECT count(*) FROM forecast_quantiles WHERE band = 'calibrated'")
        assert counted == [(3 * sum(bands.horizon for bands in self.twin.bands.values()),)]

    @invariant()
    def the_newest_bands_are_those_of_the_twin(self) -> None:
        rows = self.read("SELECT ticker, as_of, horizon, kind, edition FROM latest_forecast")
        assert {(row[0], date.fromisoformat(row[1]), *row[2:]) for row in rows} == self.twin.latest()
        assert len(rows) == len(self.twin.latest())

    @invariant()
    def editions_are_those_of_the_twin(self) -> None:
        editions = {
            (*key, 2 + index): (own.horizon, round(own.width, 6))
            for key, added in self.twin.editions.items()
            for index, own in enumerate(added)
        }
        rows = self.read(
            "SELECT ticker, as_of, edition, count(*), max(log_return) FROM edition_quantiles GROUP BY 1, 2, 3"
        )
        found = {
            (row[0], date.fromisoformat(row[1]), row[2]): (row[3] // 3, round(row[4], 6)) for row in rows
        }
        assert found == editions

    @invariant()
    def no_band_has_two_scores(self) -> None:
        query = "SELECT count(*), count(DISTINCT ticker || as_of || target_session) FROM verifications"
        ((scores, bands),) = self.read(f"{query} WHERE method = 'calibrated' AND kind <> 'walk_forward'")
        assert scores == bands

    @precondition(lambda self: self.is_verified)
    @invariant()
    def each_closed_band_has_the_score_of_the_twin(self) -> None:
        expected, columns = self.twin.outcomes(), "kind, ticker, as_of, horizon, inside"
        for table in ("verifications", "forecast_with_outcome"):
            known = "method = 'calibrated'" if table == "verifications" else "inside IS NOT NULL"
            rows = self.read(f"SELECT {columns} FROM {table} WHERE {known}")
            found = {(row[0], row[1], date.fromisoformat(row[2]), row[3]): bool(row[4]) for row in rows}
            assert found == expected
        held: dict[tuple[str, int], list[bool]] = {}
        for (kind, _, _, horizon), is_inside in expected.items():
            held.setdefault((kind, horizon), []).append(is_inside)
        for view, kinds in (
            ("coverage_by_horizon", {"live"}),
            ("all_coverage_by_horizon", {"live", "backfill"}),
        ):
            counted = self.read(
                f"SELECT kind, horizon, outcomes, realized_coverage FROM {view} WHERE band = 'calibrated'"
            )
            assert {row[:2]: row[2:] for row in counted} == {
                key: (len(own), pytest.approx(float(np.mean(own))))
                for key, own in held.items()
                if key[0] in kinds
            }


@functools.cache
def make_template() -> Path:
    """Make a migrated store once; the folder goes with the process."""
    folder = tempfile.mkdtemp(prefix="bandcast-")
    upgrade_store(f"sqlite:///{folder}/template.db")
    return Path(folder) / "template.db"


def test_any_interleaving_keeps_what_consumers_rely_on() -> None:
    run_state_machine_as_test(Runs, settings=settings(max_examples=5, stateful_step_count=20))


@pytest.mark.long
def test_many_more_interleavings_do() -> None:
    run_state_machine_as_test(Runs, settings=settings(max_examples=200, stateful_step_count=40))
