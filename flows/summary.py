"""Results of runs: frozen values that steps hand on, and that become plain only where they are printed."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from forecasting.calendars.lookup import Calendars
from forecasting.errors import PriceError


@dataclass(frozen=True)
class Ingested:
    """Result of ingesting one ticker.

    Attributes:
        ticker: The symbol.
        new: Bars of sessions that were not stored.
        changed: Stored bars that the source corrected.
        vanished: Stored bars that the download lacks and that are kept.
        gaps: Recent sessions without a bar that are no longer waited for.
        notes: For a person, a sentence each.
    """

    ticker: str
    new: int
    changed: int
    vanished: int = 0
    gaps: tuple[date, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class IngestResult:
    """Result of ingesting several tickers.

    Attributes:
        failed: Why each ticker that is forecast and did not go through is left out.
        notes: For a person, a sentence each.
        calendars: As they are known with these prices.
        unused: Other tickers that did not go through.
    """

    failed: Mapping[str, PriceError]
    notes: tuple[str, ...]
    calendars: Calendars
    unused: tuple[str, ...] = ()

    def select_done(self, tickers: Iterable[str]) -> tuple[str, ...]:
        """Return the tickers that did not fail, each once."""
        failed = {*self.failed, *self.unused}
        return tuple(ticker for ticker in dict.fromkeys(tickers) if ticker not in failed)


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
class SessionFill:
    """Result of publishing the bands of a missed session.

    Attributes:
        session: The session.
        published: Tickers that have bands now.
        failed: Why it has none; empty where it has.
    """

    session: date
    published: tuple[str, ...] = ()
    failed: str = ""

    def plain(self) -> dict[str, Any]:
        """Convert to plain values."""
        return {"session": str(self.session), "published": list(self.published), "failed": self.failed}


@dataclass(frozen=True)
class RunOutputs:
    """Where a person finds the bands of a run.

    Attributes:
        plot: Path of the fan charts.
        database: URL of the store, its password hidden.
        query: SQL that reads the bands.
    """

    plot: str
    database: str
    query: str


@dataclass(frozen=True)
class RunSummary:
    """Result of a flow.

    Attributes:
        as_of: Session of the run.
        run_id: Id of the published run; None where nothing was published.
        model_version: Model that is active after the run; None where the run has nothing to do with models.
        tickers: Tickers that went through.
        quarantined: Why each other ticker was left out.
        seconds: Of each stage.
        promotion: Reason of the newest promotion decision, empty without one; None where no model is tested.
        scored: Number of bands scored; None for a run that does not count them.
        outputs: Where the bands are; None for a run that shows none.
        filled: Earlier sessions that were filled; None for a run that looks for none.
        fallbacks: Ticker -> the lower rung that made its bands, and why; None for a run that forecasts none.
        notes: On the prices that went through, a sentence each.
    """

    as_of: date
    run_id: str | None = None
    model_version: str | None = None
    tickers: tuple[str, ...] = ()
    quarantined: Mapping[str, PriceError] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    promotion: str | None = None
    scored: int | None = None
    outputs: RunOutputs | None = None
    filled: tuple[SessionFill, ...] | None = None
    fallbacks: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Convert to plain values; what the run did not do has no key."""
        plain: dict[str, Any] = {
            "as_of": str(self.as_of),
            "run_id": self.run_id,
            "model_version": self.model_version,
            "tickers": list(self.tickers),
            "quarantined": {
                ticker: {"reason": error.reason, "detail": str(error)}
                for ticker, error in self.quarantined.items()
            },
            "seconds": dict(self.seconds),
        }
        if self.promotion is not None:
            plain["gate"] = self.promotion or None
        if self.scored is not None:
            plain["scored"] = self.scored
        if self.outputs is not None:
            plain |= asdict(self.outputs)
        if self.fallbacks is not None:
            plain["fallbacks"] = dict(self.fallbacks)
        if self.filled is not None:
            plain["filled"] = [fill.plain() for fill in self.filled]
        if self.notes:
            plain["notes"] = list(self.notes)
        return plain


@dataclass(frozen=True)
class Replay:
    """Result of repeating a run.

    Attributes:
        run_id: The run.
        same: Tickers whose every row is stored with the same bits.
        different: The other tickers, with the reason where one is known.
        replaced: True if later runs have replaced everything that this one made.
    """

    run_id: str
    same: tuple[str, ...]
    different: Mapping[str, str]
    replaced: bool

    @property
    def equal(self) -> bool:
        """True if there was something to compare and nothing differed."""
        return not self.different and not self.replaced

    def plain(self) -> dict[str, Any]:
        """Convert to plain values."""
        return {**asdict(self), "equal": self.equal}


@dataclass(frozen=True)
class BackfillSummary:
    """Result of a backfill.

    Attributes:
        start: First session of the range.
        end: Last session of the range.
        sessions: Sessions that were filled now.
    """

    start: date
    end: date
    sessions: tuple[SessionFill, ...]

    def plain(self) -> dict[str, Any]:
        """Convert to plain values."""
        sessions = [fill.plain() for fill in self.sessions]
        return {"start": str(self.start), "end": str(self.end), "sessions": sessions}
