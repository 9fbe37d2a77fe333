"""A run repeated from the store, and the sentence where the store no longer holds what it held."""

from datetime import date

import pytest
import sqlalchemy as sa
from flow_runs import complete
from reading_store import connection, rows

from db import Store
from flows.forecast import forecast
from flows.ingest import ingest
from flows.presentation.summaries import build_replay_lines
from flows.retrain import retrain
from flows.steps.replay import replay_run
from forecasting.errors import UsageError

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAY = date(2013, 2, 15)
TICKERS = ["IBM", "MSFT"]


@pytest.fixture
def run_id() -> str:
    """A run of two tickers, calibrated by the one of the week before."""
    complete(retrain, tickers=TICKERS, as_of=date(2013, 2, 1))
    complete(ingest, tickers=TICKERS)
    complete(forecast, tickers=TICKERS, as_of=date(2013, 2, 8), horizon=4)
    made = complete(forecast, tickers=TICKERS, as_of=DAY, horizon=4)
    assert rows("SELECT outcomes FROM calibrations ORDER BY as_of") == [(0,), (8,)]
    return str(made.run_id)


def change(statement: str) -> None:
    with connection() as opened:
        opened.execute(sa.text(statement))


def test_a_run_is_made_again_to_the_last_bit_whatever_has_come_since(run_id: str, store: Store) -> None:
    change("UPDATE price_bars SET close = close * 2 WHERE session > '2013-02-15'")
    change("UPDATE model_versions SET status = 'retired'")
    replayed = replay_run(store, run_id)
    assert replayed.equal
    assert replayed.same == ("IBM", "MSFT")
    assert replayed.plain()["equal"] is True
    (line,) = build_replay_lines(replayed)
    assert "2 tickers repeated, every row is bit-equal" in line


def test_another_price_or_calibration_is_named(run_id: str, store: Store) -> None:
    change("UPDATE calibrated_quantiles SET price_25 = price_25 + 1e-9 WHERE ticker = 'IBM'")
    assert replay_run(store, run_id).different == {"IBM": "other values than stored"}
    change("UPDATE price_bars SET close = close * 1.01 WHERE ticker = 'IBM' AND session = '2013-02-15'")
    assert replay_run(store, run_id).same == ()  # IBM is a part of MSFT's market
    change("DELETE FROM price_bars WHERE ticker = 'IBM' AND session = '2013-02-15'")
    assert "expected a bar for session 2013-02-15" in replay_run(store, run_id).different["IBM"]
    change("UPDATE calibrations SET state = '[]'")
    broken = replay_run(store, run_id)
    assert set(broken.different) == {"IBM", "MSFT"}
    assert "Expected a stored calibration" in broken.different["MSFT"]
    assert "2 differ" in list(build_replay_lines(broken))[-1]


def test_settings_that_are_not_stored_are_named_where_bands_differ(store: Store) -> None:
    """The report of 2013-01-24 lies nine sessions ahead: a date counts from ten on, as the run had it set."""
    complete(retrain, tickers=["MSFT"], as_of=date(2012, 12, 28))
    complete(ingest, tickers=["MSFT"])
    made = complete(forecast, tickers=["MSFT"], as_of=date(2013, 1, 10), horizon=10)
    assert replay_run(store, str(made.run_id)).equal
    other = replay_run(store, str(made.run_id), known_ahead=0)
    assert other.different == {"MSFT": "other values than stored"}
    assert "BANDCAST_EARNINGS_KNOWN_AHEAD" in list(build_replay_lines(other))[-2]


def test_an_unknown_run_is_refused_and_one_that_was_replaced_is_reported(run_id: str, store: Store) -> None:
    with pytest.raises(UsageError, match="Expected a stored run r9, found none"):
        replay_run(store, "r9")
    complete(forecast, tickers=TICKERS, as_of=DAY, horizon=3)
    replayed = replay_run(store, run_id)
    assert replayed.replaced
    assert not replayed.equal
    assert list(build_replay_lines(replayed)) == [
        f"Run {run_id}: later runs have replaced all its forecasts."
    ]
