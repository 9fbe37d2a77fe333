"""What the steps of a run hand to each other and to the person who started it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from forecasting.errors import PriceError


@dataclass(frozen=True)
class Ingested:
    """Rows that one ticker's pull brought."""

    ticker: str
    new: int
    changed: int
    unchanged: int
    vanished: int = 0


@dataclass
class Stopwatch:
    """Seconds of each stage of a run."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block under a name."""
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 2)


@dataclass(frozen=True)
class Summary:
    """What a run did, in words that JSON knows."""

    as_of: date
    run_id: str | None = None
    model_version: str | None = None
    tickers: tuple[str, ...] = ()
    quarantined: Mapping[str, PriceError] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The summary as plain values."""
        reasons = {
            ticker: {"reason": error.reason, "detail": str(error)}
            for ticker, error in self.quarantined.items()
        }
        return {
            "as_of": self.as_of.isoformat(),
            "run_id": self.run_id,
            "model_version": self.model_version,
            "tickers": list(self.tickers),
            "quarantined": reasons,
            "seconds": dict(self.seconds),
            **self.details,
        }

    def to_json(self) -> str:
        """The summary as one JSON object."""
        return json.dumps(self.plain(), indent=2)
