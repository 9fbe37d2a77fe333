"""The price basis of a run: its bands, their scores and its replay, whatever the setting is later."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from flow_runs import complete
from price_files import write_prices
from reading_store import rows
from vendor_simulator import make_history, with_actions
from workplace import open_configured_store

from flows.forecast import forecast
from flows.ingest import ingest
from flows.retrain import retrain
from flows.steps.replay import replay_run
from flows.verify import verify
from forecasting.calendars.sessions import next_sessions, sessions_between
from forecasting.config import BAND_LEVELS

pytestmark = pytest.mark.usefixtures("prefect_url")

FIRST, LAST = date(2024, 5, 6), date(2024, 5, 31)
TICKERS = ["PAYS", "PLAIN"]
HORIZON = 4
SPLIT = date(2024, 5, 14)
DIVIDENDS = {date(2024, 3, 8): 1.0, date(2024, 5, 8): 2.0, SPLIT: 0.75, date(2024, 5, 22): 1.5}


@dataclass
class Traded:
    """As-traded closes of one ticker, its splits and dividends, all by session."""

    closes: dict[str, float] = field(default_factory=dict)
    splits: dict[str, float] = field(default_factory=dict)
    dividends: dict[str, float] = field(default_factory=dict)

    def step(self, before: str, session: str, basis: str) -> float:
        """Log return of one session, by the proportional rule of CRSP."""
        old_close = self.closes[before] / self.splits.get(session, 1.0)
        dividend = self.dividends.get(session, 0.0) if basis == "total_return" else 0.0
        return math.log(self.closes[session] / (old_close - dividend))

    def realised(self, as_of: str, target: str, basis: str) -> float:
        sessions = sorted(session for session in self.closes if as_of <= session <= target)
        return sum(self.step(before, session, basis) for before, session in pairwise(sessions))


def load_traded() -> dict[str, Traded]:
    """Read what was traded, as it is stored."""
    traded = {ticker: Traded() for ticker in TICKERS}
    for ticker, session, close in rows("SELECT ticker, session, close FROM price_bars"):
        traded[ticker].closes[session] = close
    for ticker, kind, ex_date, value in rows("SELECT ticker, kind, session, value FROM corporate_actions"):
        actions = traded[ticker].splits if kind == "split" else traded[ticker].dividends
        actions[ex_date] = value
    return traded


def score(quantiles: Mapping[float, float], actual: float) -> dict[str, float]:
    """Scores of one band by their textbook formulas."""
    lowest, highest = min(quantiles), max(quantiles)
    lower, upper = quantiles[lowest], quantiles[highest]
    miss = 2 / (1 - (highest - lowest))
    losses = {
        level: max(level * (actual - value), (level - 1) * (actual - value))
        for level, value in quantiles.items()
    }
    return {
        "lower": lower,
        "median": quantiles[0.5],
        "upper": upper,
        "actual_log_return": actual,
        "inside": float(lower <= actual <= upper),
        "below": float(actual < lower),
        "above": float(actual > upper),
        "crps": 2 * sum(losses.values()) / len(losses),
        "winkler": upper - lower + miss * (max(lower - actual, 0) + max(actual - upper, 0)),
        "pinball_lower": losses[lowest],
        "pinball_upper": losses[highest],
    }


Key = tuple[str, str, str, str]  # ticker, as_of, target session, band


def recompute(bases: Mapping[str, str]) -> dict[Key, dict[str, float]]:
    """Score every issued band on the basis of the session that it was issued at."""
    traded = load_traded()
    issued: dict[Key, dict[float, float]] = {}
    query = "SELECT ticker, as_of, target_session, band, level, log_return FROM forecast_quantiles"
    query += f" WHERE level IN {BAND_LEVELS}"
    for ticker, as_of, target, band, level, log_return in rows(query):
        issued.setdefault((ticker, as_of, target, band), {})[level] = log_return
    return {
        key: score(quantiles, traded[key[0]].realised(key[1], key[2], bases[key[1]]))
        for key, quantiles in issued.items()
    }


def load_scores() -> dict[Key, dict[str, float]]:
    names = list(score({0.05: -1.0, 0.5: 0.0, 0.95: 1.0}, 0.0))
    query = f"SELECT ticker, as_of, target_session, method, {', '.join(names)} FROM verifications"
    return {tuple(row[:4]): dict(zip(names, row[4:], strict=True)) for row in rows(query)}


@pytest.fixture
def stored(folder: Path) -> None:
    """The store after an ingest."""
    write_folder(folder, DIVIDENDS)
    complete(ingest)


def write_folder(folder: Path, dividends: Mapping[date, float]) -> None:
    """A share that pays and splits, and one that does neither."""
    plain = make_history("PLAIN", LAST, seed=1, sessions=560)
    pays = with_actions(make_history("PAYS", LAST, seed=2, sessions=560), {SPLIT: 2.0}, dict(dividends))
    for history in (plain, pays):
        write_prices(folder, history)


def correct_close(path: Path, session: date) -> None:
    """Restate one bar, as a vendor does."""
    frame = pd.read_csv(path, index_col="date")
    frame.loc[str(session), "close"] *= 1.001
    frame.to_csv(path)


def serve_newest_model(as_of: date) -> None:
    """Promote the newest model, whatever its promotion test has found."""
    with open_configured_store() as store, store.writing() as tx:
        tx.models.promote(tx.models.list()[0].version, as_of)


def issue(
    days: Iterator[date], basis: str, monkeypatch: pytest.MonkeyPatch, *, train: bool
) -> tuple[str, str]:
    """Forecast from the next session under a setting; session and run."""
    as_of = next(days)
    monkeypatch.setenv("BANDCAST_MODEL__PRICE_BASIS", basis)
    if train:
        complete(retrain, as_of=as_of)
        serve_newest_model(as_of)
    return str(as_of), str(complete(forecast, as_of=as_of, horizon=HORIZON).run_id)


@pytest.mark.usefixtures("stored")
def test_every_run_is_scored_and_made_again_on_its_own_basis(monkeypatch: pytest.MonkeyPatch) -> None:
    days = iter(sessions_between("XNYS", FIRST, LAST))
    issued: dict[str, tuple[str, str]] = {}  # session -> basis, run
    for basis, train in (
        ("split_adjusted", False),  # no model yet: the random walk
        ("total_return", False),
        ("split_adjusted", True),
        ("total_return", True),
        ("split_adjusted", False),  # the model's own basis counts
        ("split_adjusted", True),
    ):
        session, run_id = issue(days, basis, monkeypatch, train=train)
        own = "total_return" if len(issued) == 4 else basis
        issued[session] = (own, run_id)
    bases = {session: basis for session, (basis, _) in issued.items()}
    assert dict(rows("SELECT as_of, price_basis FROM forecast_runs")) == bases
    qualities = rows("SELECT DISTINCT as_of, quality FROM forecasts ORDER BY as_of")
    assert [quality for _, quality in qualities] == ["baseline"] * 2 + ["champion"] * 4

    complete(verify)
    found, expected = load_scores(), recompute(bases)
    assert set(found) == set(expected)
    assert len(found) == len(TICKERS) * HORIZON * (2 * 3 + 4 * 4)  # the random walk has three bands
    for key, scores in found.items():
        assert scores == pytest.approx(expected[key], rel=1e-9, abs=1e-12), key
    with open_configured_store() as store:
        for session, (_, run_id) in issued.items():
            replayed = replay_run(store, run_id)
            assert replayed.equal, (session, replayed.different)


@pytest.mark.usefixtures("stored")
def test_the_bases_differ_by_the_dividends_and_by_nothing_else() -> None:
    traded = load_traded()
    assert traded["PAYS"].splits == {str(SPLIT): 2.0}
    assert traded["PAYS"].dividends == pytest.approx({str(day): paid for day, paid in DIVIDENDS.items()})
    before, *_ = (str(day) for day in next_sessions("XNYS", FIRST, 1))
    ex_date = str(date(2024, 5, 8))
    closes = traded["PAYS"].closes
    gain = traded["PAYS"].realised(before, ex_date, "total_return") - math.log(
        closes[ex_date] / closes[before]
    )
    assert gain == pytest.approx(-math.log1p(-2.0 / closes[before]))
    assert traded["PLAIN"].realised(before, ex_date, "total_return") == pytest.approx(
        traded["PLAIN"].realised(before, ex_date, "split_adjusted")
    )


@pytest.mark.parametrize("corrected", ["dividend", pytest.param("close", marks=pytest.mark.long)])
def test_scores_of_total_returns_follow_what_the_source_corrects(
    folder: Path, monkeypatch: pytest.MonkeyPatch, corrected: str
) -> None:
    """A dividend that comes late, and a close before an ex-date, change them after the target has closed."""
    ex_date = date(2024, 5, 22)
    late = {ex_date} if corrected == "dividend" else set()
    write_folder(folder, {day: paid for day, paid in DIVIDENDS.items() if day not in late})
    complete(ingest)
    bases = {date(2024, 5, 17): "split_adjusted", date(2024, 5, 20): "total_return"}
    for as_of, basis in bases.items():
        monkeypatch.setenv("BANDCAST_MODEL__PRICE_BASIS", basis)
        complete(forecast, as_of=as_of, horizon=HORIZON)
    complete(verify)
    before = load_scores()

    write_folder(folder, DIVIDENDS)
    if corrected == "close":
        correct_close(folder / "PAYS.csv", date(2024, 5, 21))
    complete(ingest)
    complete(verify)
    after, expected = load_scores(), recompute({str(as_of): basis for as_of, basis in bases.items()})
    for key, scores in after.items():
        assert scores == pytest.approx(expected[key], rel=1e-9, abs=1e-12), key
    changed = {key[1:3] for key in after if after[key] != before[key]}
    through_ex_date = {("2024-05-20", f"2024-05-{day}") for day in (22, 23, 24)}
    to_corrected = {(str(as_of), "2024-05-21") for as_of in bases} if corrected == "close" else set()
    assert changed == through_ex_date | to_corrected
