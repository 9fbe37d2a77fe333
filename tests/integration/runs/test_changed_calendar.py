"""A day that counts as closed only later: what was stored and scored stays, and bands are made without it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flow_runs import complete
from reading_store import rows
from workplace import open_configured_store

from flows.daily import daily
from flows.steps.replay import replay_run
from flows.summary import RunSummary
from forecasting.calendars.sessions import sessions_between

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAYS = sessions_between("XNYS", date(2019, 12, 23), date(2019, 12, 30))
CLOSED = DAYS[1]
CLOSURE = ("BANDCAST_CLOSURES", f"XNYS:{CLOSED}")
TOKYO = ("BANDCAST_CALENDARS", "AAA:XTKS")
SETTINGS = {CLOSURE: f"1 bar on days without a session of XNYS left out: {CLOSED}", TOKYO: "XTKS left out"}
ISSUED = "SELECT source, ticker, as_of, target_session, lower, median, upper, run_id FROM forecasts"
SCORED = (
    "SELECT source, ticker, as_of, target_session, method, inside, crps, scored_at, kind FROM verifications"
)
QUANTILES = "SELECT ticker, target_session, band, level, log_return FROM forecast_quantiles"
Publish = Callable[[date], RunSummary]


@pytest.fixture
def publish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publish live bands from files that end with a session, in the evening of that day."""

    def publish(through: date) -> RunSummary:
        for seed, ticker in enumerate(("AAA", "BBB")):
            days = sessions_between("XNYS", date(2018, 6, 1), DAYS[-1])
            close = 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(days))))
            frame = pd.DataFrame({"close": close}, pd.Index(days, name="date")).round(4)
            frame.loc[:through].to_csv(folder / f"{ticker}.csv")
        evening = datetime.combine(through, time(23), UTC)
        monkeypatch.setattr("flows.prefect_runtime.flow_support.due", lambda: evening)
        return complete(daily, horizon=2, retrain="never")

    return publish


@pytest.mark.parametrize("setting", SETTINGS)
def test_scores_of_a_day_that_counts_as_closed_later_stay(
    publish: Publish, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str]
) -> None:
    runs = [publish(day) for day in DAYS[:2]]
    issued, scores = set(rows(ISSUED)), set(rows(SCORED))
    assert {row[3] for row in scores if row[8] == "live"} == {str(CLOSED)}
    with monkeypatch.context() as patch:
        patch.setenv(*setting)
        changed = publish(DAYS[2])
    after = publish(DAYS[3])
    assert any(SETTINGS[setting] in note for note in changed.notes)
    assert not any("withdrew" in note for note in changed.notes)
    assert after.notes == ()
    assert issued < set(rows(ISSUED))
    assert scores < set(rows(SCORED))
    assert rows("SELECT * FROM price_revisions") == []
    assert rows(f"SELECT count(*) FROM price_bars WHERE session = '{CLOSED}'") == [(2,)]
    with open_configured_store() as store:
        for run in (*runs, after):
            assert replay_run(store, str(run.run_id)).equal


def test_bands_are_made_without_a_stored_bar_of_a_closed_day(
    publish: Publish, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(DAYS[1])
    monkeypatch.setenv(*CLOSURE)
    publish(DAYS[2])
    drawn = f"{QUANTILES} WHERE as_of = '{DAYS[2]}' AND band != 'calibrated'"
    found = rows(drawn)
    monkeypatch.setenv("BANDCAST_HOME", str(workplace / "fresh"))
    publish(DAYS[2])
    assert rows(f"SELECT count(*) FROM price_bars WHERE session = '{CLOSED}'") == [(0,)]
    assert found == rows(drawn)
