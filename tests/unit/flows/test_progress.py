"""Long steps log how far they are, short ones nothing."""

import logging
import threading
from contextvars import ContextVar

import pytest

from flows.progress_line import announce_if_slow
from flows.steps import progress
from flows.steps.progress import Progress, log_progress

SERVER = ContextVar("SERVER", default="none")


class Lines(logging.Handler):
    """Lines that were logged; `there` is set with the first of some text, `servers` known to each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.servers: list[str] = []
        self.text = text
        self.there = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.servers.append(SERVER.get())
        if self.text in self.lines[-1]:
            self.there.set()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    logger, handler = logging.Logger("run"), Lines("3 of 20")
    logger.addHandler(handler)
    monkeypatch.setattr(progress, "get_run_logger", lambda: logger)
    return handler


def test_a_long_block_logs_its_newest_count(lines: Lines) -> None:
    with log_progress("tickers fetched", seconds=0.01) as state:
        state.count(3, 20)
        assert lines.there.wait(10)
    count = len(lines.lines)
    assert lines.lines[-1].startswith("tickers fetched: 3 of 20 after 0 seconds")
    assert not [thread for thread in threading.enumerate() if thread.name == "progress-tickers fetched"]
    assert len(lines.lines) == count


def test_lines_are_logged_in_the_context_of_the_run_which_names_its_server(lines: Lines) -> None:
    token = SERVER.set("http://127.0.0.1:4200/api")
    try:
        with log_progress("tickers fetched", seconds=0.01) as state:
            state.count(3, 20)
            assert lines.there.wait(10)
    finally:
        SERVER.reset(token)
    assert set(lines.servers) == {"http://127.0.0.1:4200/api"}


def test_a_short_block_logs_nothing_and_an_error_passes(lines: Lines) -> None:
    with pytest.raises(ZeroDivisionError), log_progress("work"):
        _ = 1 / 0
    assert lines.lines == []


def test_a_step_that_counts_nothing_is_at_work() -> None:
    assert Progress("train").describe().startswith("train: at work after 0 seconds")


class Printed:
    """Standard error of a person who waits; `there` is set with the first text."""

    def __init__(self) -> None:
        self.text = ""
        self.there = threading.Event()

    def write(self, text: str) -> int:
        self.text += text
        self.there.set()
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def test_a_slow_start_says_what_it_is_at_and_a_quick_one_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = Printed()
    monkeypatch.setattr("sys.stderr", printed)
    with announce_if_slow("Starting.", seconds=3600):
        pass
    assert printed.text == ""
    with announce_if_slow("Starting.", seconds=0):
        assert printed.there.wait(60)
    assert printed.text.startswith("Starting.")
