"""Fixtures of runs in this process."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class MessageList(logging.Handler):
    """Keep the text of every line."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def run_log() -> Iterator[list[str]]:
    """Lines in the logs of flow and task runs, in order."""
    handler = MessageList()
    for name in RUN_LOGGERS:
        logging.getLogger(name).addHandler(handler)
    yield handler.messages
    for name in RUN_LOGGERS:
        logging.getLogger(name).removeHandler(handler)


@pytest.fixture
def folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configured folder of the source `csv`, empty."""
    monkeypatch.setenv("BANDCAST_SOURCE", "csv")
    monkeypatch.setenv("BANDCAST_CSV_DIR", str(workplace / "prices"))
    (workplace / "prices").mkdir()
    return workplace / "prices"
