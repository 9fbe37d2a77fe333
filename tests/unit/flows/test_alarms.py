"""Alarms: one message for each thing that a person must know, and none that fails a run."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from receiver import TOKEN, Receiver, receive
from typer.testing import CliRunner

from flows.alarms import MEMORY, require_receiver, send_message, try_alarm, try_lasting_alarm
from flows.cli import app
from flows.context import open_context
from flows.failures import hide_secrets
from flows.files import locked
from flows.steps.alarms import alarm_quarantined, describe_quarantined, measure_quarantined
from flows.summary import RunSummary
from forecasting.errors import GapError, SourceError, UsageError

TODAY = date(2024, 5, 20)
SUBJECT, TEXT = "bandcast: daily-2024-05-20 failed", "Expected prices, found none."
NOBODY = f"json://127.0.0.1:1/{TOKEN}"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The configured receiver."""
    with receive() as opened:
        monkeypatch.setenv("BANDCAST_NOTIFY_URL", opened.url)
        yield opened


def repeat(home: Path, today: date, **conditions: str) -> str:
    return try_lasting_alarm("drift/yahoo", "coverage drifts", conditions, home=home, today=today)


def test_a_message_arrives_with_its_subject_and_text_on_one_line(receiver: Receiver) -> None:
    assert try_alarm(SUBJECT, "two\nlines\x1b[31m") == ""
    (message,) = receiver.messages
    assert (message["title"], message["message"], message["type"]) == (SUBJECT, "two lines", "failure")


def test_without_a_url_nothing_is_sent_or_kept(tmp_path: Path) -> None:
    assert try_alarm(SUBJECT, TEXT) == ""
    assert repeat(tmp_path, TODAY, five="wrong") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["nothing://here", "slack://x", "fish://", TOKEN])
def test_a_url_of_no_service_is_refused_without_being_shown(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UsageError, match="Expected an Apprise URL in BANDCAST_NOTIFY_URL") as refused:
        require_receiver(url)
    assert url not in str(refused.value) + caplog.text


def test_a_receiver_that_is_down_is_one_sentence_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BANDCAST_NOTIFY_URL", NOBODY)
    with pytest.raises(SourceError, match="to take a message, found A Connection error"):
        send_message(SUBJECT, TEXT, NOBODY)
    assert try_alarm(SUBJECT, TEXT).startswith(f"no alarm was sent ({SUBJECT}): Expected the receiver of ")
    logging.getLogger().warning("the end")
    assert TOKEN not in "".join([*capfd.readouterr(), caplog.text])


def test_every_secret_of_the_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_NOTIFY_URL", "tgram://123456789:AbC-d3f/987654321?name=bandcast")
    masked = hide_secrets(
        "bandcast to 987654321 of bot 123456789, tgram://123456789:AbC-d3f/987654321?name=bandcast"
    )
    assert masked == "bandcast to *** of bot ***, ***"


def test_what_lasts_is_sent_once_and_again_after_a_week_or_when_more_begins(
    receiver: Receiver, tmp_path: Path
) -> None:
    for days in range(7):
        assert repeat(tmp_path, TODAY + timedelta(days=days), five="Five is wrong.") == ""
    assert [message["message"] for message in receiver.messages] == ["Five is wrong."]
    repeat(tmp_path, TODAY + timedelta(days=6), five="Five is wrong.", ten="Ten is wrong.")
    assert receiver.messages[-1]["message"] == "Five is wrong. Ten is wrong."
    repeat(tmp_path, TODAY + timedelta(days=7), five="Five is wrong.", ten="Ten is wrong.")
    assert len(receiver.messages) == 3


def test_a_message_of_a_clock_that_was_ahead_silences_no_later_ones(
    receiver: Receiver, tmp_path: Path
) -> None:
    for today in (TODAY + timedelta(days=400), TODAY, TODAY):
        assert repeat(tmp_path, today, five="wrong") == ""
    assert len(receiver.messages) == 2


def test_what_has_ended_is_sent_again_when_it_comes_back(receiver: Receiver, tmp_path: Path) -> None:
    for conditions in ({"five": "wrong"}, {}, {"five": "wrong"}):
        repeat(tmp_path, TODAY, **conditions)
    assert len(receiver.messages) == 2


def test_what_could_not_be_sent_is_sent_by_the_next_run(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_NOTIFY_URL", NOBODY)
    assert repeat(tmp_path, TODAY, five="wrong").startswith("no alarm was sent")
    monkeypatch.setenv("BANDCAST_NOTIFY_URL", receiver.url)
    assert repeat(tmp_path, TODAY, five="wrong") == ""
    assert len(receiver.messages) == 1


def test_sources_that_send_at_once_keep_each_its_own(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_while_another_does(*message: str) -> str:
        monkeypatch.undo()
        monkeypatch.setenv("BANDCAST_NOTIFY_URL", receiver.url)
        try_lasting_alarm("drift/csv", "coverage drifts", {"ten": "wrong"}, home=tmp_path, today=TODAY)
        return try_alarm(*message)

    monkeypatch.setattr("flows.alarms.try_alarm", send_while_another_does)
    repeat(tmp_path, TODAY, five="wrong")
    assert set(json.loads((tmp_path / MEMORY).read_text())) == {"drift/csv", "drift/yahoo"}


def test_what_was_sent_is_noted_when_nobody_else_is_noting(receiver: Receiver, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with locked(tmp_path):
            noting = pool.submit(repeat, tmp_path, TODAY, five="wrong")
            with pytest.raises(TimeoutError):
                noting.result(1)
            assert not (tmp_path / MEMORY).exists()
        assert noting.result() == ""
    assert (tmp_path / MEMORY).exists()


def test_who_stopped_while_noting_holds_nobody_up(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.files.LOCK_SECONDS", 0.1)
    with locked(tmp_path):
        assert repeat(tmp_path, TODAY, five="wrong") == ""
    assert (tmp_path / MEMORY).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"drift/yahoo": 1}', '{"drift/yahoo": {"five": "x"}}'])
def test_a_damaged_memory_forgets(receiver: Receiver, tmp_path: Path, content: str) -> None:
    (tmp_path / MEMORY).write_text(content)
    repeat(tmp_path, TODAY, five="wrong")
    repeat(tmp_path, TODAY, five="wrong")
    assert len(receiver.messages) == 1


def test_a_home_that_cannot_keep_it_is_said_and_fails_nothing(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / MEMORY).mkdir()
    assert "expected to note that in" in repeat(tmp_path, TODAY, five="wrong")
    assert len(receiver.messages) == 1


def test_many_quarantined_tickers_are_sent_once_a_week_and_few_never(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_NOTIFY_QUARANTINED", "0.4")
    with open_context(datetime(2013, 3, 2, tzinfo=UTC), tickers=["IBM", "AAPL"]) as context:
        failed = {"IBM": GapError("IBM", [TODAY])}
        for run_id, tickers in (
            (None, ("AAPL",)),
            ("r", ("AAPL", "MSFT")),
            ("r", ("AAPL",)),
            ("r", ("AAPL",)),
        ):
            alarm_quarantined(context, RunSummary(TODAY, run_id, None, tickers, failed))
    assert receiver.subjects == ["bandcast: many tickers of sample are quarantined"]
    assert receiver.messages[0]["message"].startswith("2024-05-20: 1 of 2 tickers without bands: IBM (gap); ")


def test_the_quarantined_are_counted_and_the_first_named() -> None:
    quarantined = {f"T{number}": GapError(f"T{number}", [TODAY]) for number in range(7)}
    summary = RunSummary(TODAY, tickers=("A", "B", "C"), quarantined=quarantined)
    assert measure_quarantined(summary) == pytest.approx(0.7)
    assert measure_quarantined(RunSummary(TODAY)) == 0
    text = describe_quarantined(summary)
    assert text.startswith("2024-05-20: 7 of 10 tickers without bands: T0 (gap), T1 ")
    assert "T4 (gap), 2 more; see" in text


def test_notify_tries_the_receiver(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["notify"])
    assert (done.exit_code, done.stdout) == (0, "The receiver has taken the message.\n")
    assert receiver.subjects == ["bandcast: a test"]
    monkeypatch.delenv("BANDCAST_NOTIFY_URL")
    missing = CliRunner().invoke(app, ["notify"])
    assert isinstance(missing.exception, UsageError)


@pytest.mark.usefixtures("no_server")
def test_the_doctor_sends_what_fails_in_one_message(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,BRK.B")
    for options, count in (([], 0), (["--notify"], 1)):
        done = CliRunner().invoke(app, ["doctor", *options])
        assert done.exit_code == 1
        assert len(receiver.messages) == count
    assert "fail  calendars: " in receiver.messages[0]["message"].replace("fail ", "fail  ")
    assert "ok    alarms: sent by json; `bandcast notify` tries it" in done.stdout
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL")
    assert CliRunner().invoke(app, ["doctor", "--notify"]).exit_code == 0
    assert len(receiver.messages) == 1
