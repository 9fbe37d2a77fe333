"""The registry of sources: each opens under its name, and a new one is an opener."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.settings import Settings, load_settings
from flows.sources import SOURCES, PriceSource, YahooSource, open_source
from flows.sources.registry import Registry, register
from forecasting.errors import UnknownTickerError, UsageError
from forecasting.prices.history import PriceHistory
from forecasting.types import SourceKind, values

END = date(2024, 6, 30)
NOW = datetime(2024, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize("kind", values(SourceKind))
def test_every_kind_of_source_opens_under_its_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "ACME.csv").write_text("date,close\n2024-06-03,10\n")
    source = open_source(load_settings(source=kind, csv_dir=tmp_path), NOW)
    assert source.name == kind
    assert source.live is isinstance(source, YahooSource)
    assert (source.last_session(()) is None) is source.live


def test_the_registry_holds_the_kinds_of_the_vocabulary_and_refuses_others() -> None:
    settings = load_settings(source="sample")
    open_source(settings, NOW)
    assert set(SOURCES) == set(values(SourceKind))
    with pytest.raises(UsageError, match=r"one of the sources .*yahoo.* found 'bloomberg'; choose one"):
        open_source(settings.model_copy(update={"source": "bloomberg"}), NOW)


@dataclass
class MadeUpSource:
    """What a new file in flows/sources holds."""

    folder: Path
    name: str = "made_up"
    live: bool = False

    def tickers(self) -> tuple[str, ...]:
        return ("ACME",)

    def ignored_files(self) -> tuple[str, ...]:
        return ()

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        return END if tickers else None

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        raise UnknownTickerError(ticker, f"{self.folder} from {start} to {end}")


def test_a_new_source_is_an_opener_in_the_registry() -> None:
    registry: Registry = {}

    @register("made_up", registry)
    def open_made_up(settings: Settings, now: datetime) -> PriceSource:
        return MadeUpSource(settings.home)

    settings = load_settings().model_copy(update={"source": "made_up"})
    source = open_source(settings, NOW, registry)
    assert isinstance(source, MadeUpSource)
    assert (source.name, source.folder, source.tickers()) == ("made_up", settings.home, ("ACME",))
    assert "made_up" not in SOURCES
