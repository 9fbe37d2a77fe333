"""Runs that send an alarm, to a receiver on the loopback: one message each."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flow_runs import complete, fail
from issued_forecasts import make_forecast
from receiver import TOKEN, Receiver, receive
from records import make_run

from db import ModelRecord, Store
from flows.backfill import backfill
from flows.health import doctor
from flows.sources import SampleSource
from flows.verify import verify
from forecasting.calendars.sessions import sessions_between

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAY = date(2013, 3, 1)
NOW = datetime(2013, 3, 2, tzinfo=UTC)
BACKWARDS = {"start": date(2024, 5, 24), "end": date(2024, 5, 20)}
SENTENCE = "Expected start at or before end, found 2024-05-24 after 2024-05-20."


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The configured receiver."""
    with receive() as opened:
        monkeypatch.setenv("BANDCAST_NOTIFY_URL", opened.url)
        yield opened


def test_a_run_that_fails_sends_its_sentence_once(receiver: Receiver) -> None:
    fail(backfill, **BACKWARDS)
    (message,) = receiver.messages
    assert message["title"] == "bandcast: backfill-2024-05-24-2024-05-20 failed"
    assert message["message"] == SENTENCE


def test_a_setting_that_is_wrong_does_not_silence_the_alarm(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "7")
    fail(verify)
    (message,) = receiver.messages
    assert "BANDCAST_HISTORY_DAYS" in message["message"]


def test_a_receiver_that_is_down_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, run_log: list[str]
) -> None:
    monkeypatch.setenv("BANDCAST_NOTIFY_URL", f"json://127.0.0.1:1/{TOKEN}")
    assert str(fail(backfill, **BACKWARDS)) == SENTENCE
    (line,) = [line for line in run_log if line.startswith("alarm: ")]
    assert "no alarm was sent" in line
    assert TOKEN not in "".join(run_log)


def test_a_missing_publication_is_the_failure_of_the_doctor(
    receiver: Receiver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "IBM")
    with store.writing() as tx:
        tx.prices.save(SampleSource().fetch("IBM", None, DAY), NOW)
    fail(doctor)
    (message,) = receiver.messages
    assert "bands: none of 2013-03-01, of any ticker; run `bandcast run`" in message["message"]


def test_coverage_that_drifts_is_sent_once_although_every_run_finds_it(
    receiver: Receiver, store: Store
) -> None:
    """Bands around a price of 100 hold no close of IBM, and nine of ten are promised."""
    with store.writing() as tx:
        tx.prices.save(SampleSource().fetch("IBM", None, DAY), NOW)
        tx.models.add(ModelRecord("m", "sample", date(2012, 1, 3), b"", "{}", {}, "f", NOW))
    for as_of in sessions_between("XNYS", date(2013, 1, 17), date(2013, 2, 28)):
        run = make_run(f"r{as_of}", as_of, NOW)
        with store.writing() as tx:
            tx.forecasts.publish(tx.forecasts.prepare(run, [make_forecast("IBM", as_of, 1)]))
    for _ in range(2):
        complete(verify, tickers=["IBM"])
    (message,) = receiver.messages
    assert message["title"] == "bandcast: coverage of sample drifts"
    assert message["message"].startswith("bands 1 session ahead held 0.0% of 29 closes")
