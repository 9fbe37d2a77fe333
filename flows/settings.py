"""Settings: every BANDCAST_* variable of the environment or of `.env`, read in one class."""

import math
import os
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from forecasting.calendars.exchanges import list_calendar_names
from forecasting.calendars.reports import AHEAD, KNOWN_AHEAD
from forecasting.config import (
    CalibrationConfig,
    ModelConfig,
    MonitoringConfig,
    PromotionConfig,
    SimulationConfig,
    WarmStartConfig,
)
from forecasting.errors import SymbolError, UsageError
from forecasting.text import is_symbol
from forecasting.types import SourceKind

PREFIX = "BANDCAST_"
DOTENV = ".env"  # in the working directory

Tickers = Annotated[tuple[str, ...], NoDecode]
Pairs = Annotated[tuple[tuple[str, str], ...], NoDecode]
CalendarDays = Annotated[tuple[tuple[str, date], ...], NoDecode]

_HARMLESS = re.compile(r"[\w.+\- ]{0,40}")


class Settings(BaseSettings):
    """Settings of this installation; every field is BANDCAST_<NAME> in the environment or in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: str = Field("", description="SQLAlchemy URL; empty means a SQLite file in `home`.")
    home: Path = Field(Path(".bandcast"), description="Folder of the SQLite file, plots and caches.")
    share_home: bool = Field(False, description="Whether the user's own umask decides who may read `home`.")
    source: SourceKind = Field("yahoo", description="Source of prices.")
    csv_dir: Path | None = Field(None, description="Folder of TICKER.csv files, for the source `csv`.")
    yahoo_url: str | None = Field(None, description="Base URL of a stand-in for Yahoo's servers.")
    tickers: Tickers = Field((), description="Tickers to forecast; empty means all that the source holds.")
    train_tickers: Tickers = Field((), description="Tickers to train on; empty means the same.")
    calendars: Pairs = Field((), description="Calendars of symbols, as in ^XYZ:XBOM,ABC.QQ:XPAR.")
    closures: CalendarDays = Field(
        (), description="Days on which an exchange does not trade, as in XNYS:2025-01-09."
    )
    openings: CalendarDays = Field(
        (), description="Other days on which an exchange trades, as in XBOM:2025-02-01."
    )
    earnings: Literal["on", "off"] = Field("on", description="Whether earnings dates are read and used.")
    earnings_known_ahead: int = Field(
        KNOWN_AHEAD,
        ge=0,
        le=AHEAD,
        description="Sessions before a report from which a date of unknown announcement counts.",
    )
    history_days: int = Field(
        3700, ge=400, description="Calendar days of history fetched from a live source."
    )
    provider_lag_minutes: int = Field(
        30, ge=0, description="Minutes after the close until a bar counts as final."
    )
    max_model_age_days: int = Field(45, ge=1, description="Age at which `--retrain auto` trains anew.")
    min_success_ratio: float = Field(0.5, ge=0, le=1, description="Share of tickers that must be forecast.")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Threads that forecast."
    )
    retry_seconds: float = Field(10, ge=0, description="First pause before a failed download is tried again.")
    requests_per_second: float = Field(4, gt=0, description="Pace of requests to a live source.")
    ingest_minutes: float = Field(30, gt=0, description="When the tickers still missing are given up.")
    run_minutes: float = Field(360, gt=0, description="When a run that still goes on is ended.")
    model: ModelConfig = Field(ModelConfig(), description="Features, network and training.")
    simulation: SimulationConfig = Field(SimulationConfig(), description="Paths and levels.")
    gate: PromotionConfig = Field(
        PromotionConfig(), description="Promotion test: what a new model must show before it serves."
    )
    calibration: CalibrationConfig = Field(CalibrationConfig(), description="Learning rates of the bands.")
    warm_start: WarmStartConfig = Field(
        WarmStartConfig(), description="The walk over history that a young store learns from."
    )
    monitoring: MonitoringConfig = Field(
        MonitoringConfig(), description="When the coverage of issued bands counts as drifted."
    )

    @field_validator("tickers", "train_tickers", mode="before")
    @classmethod
    def _split_tickers(cls, value: Any) -> Any:
        return parse_tickers(value.split(",") if isinstance(value, str) else value)

    @field_validator("calendars", "closures", "openings", mode="before")
    @classmethod
    def _split_pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part.strip().rpartition(":") for part in value.split(",") if part.strip()]
        return tuple((first.strip().upper(), second.strip().upper()) for first, _, second in parts)

    @field_validator("calendars")
    @classmethod
    def _check_symbols(cls, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for symbol, calendar in pairs:
            _require_calendar(calendar, symbol and f"{symbol}:{calendar}")
        return pairs

    @field_validator("closures", "openings")
    @classmethod
    def _check_days(cls, days: tuple[tuple[str, date], ...]) -> tuple[tuple[str, date], ...]:
        for calendar, day in days:
            _require_calendar(calendar, f"{calendar}:{day}")
        return days

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'bandcast.db'}"


def parse_ticker(text: str) -> str:
    """Parse a symbol in either case; settings, options and forms obey the same rule.

    Raises:
        SymbolError: It is no symbol.
    """
    ticker = text.strip().upper()
    if not is_symbol(ticker):
        raise SymbolError(text)
    return ticker


def parse_tickers(texts: Iterable[str]) -> tuple[str, ...]:
    """Parse symbols; leave out empty and repeated ones.

    Raises:
        SymbolError: One is no symbol.
    """
    return tuple(dict.fromkeys(parse_ticker(text) for text in texts if text.strip()))


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; values that a caller gives (not None) take precedence.

    Raises:
        UsageError: A value is out of its bounds.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if "horizon" in given:
        given["simulation"] = {"horizon": given.pop("horizon")}  # merged with the environment's values
    paths = given.pop("paths", None)
    try:
        settings = Settings(**given)
        return _with_paths(settings, paths) if paths else settings
    except ValidationError as error:
        first = error.errors()[0]
        name = "BANDCAST_" + "__".join(str(part).upper() for part in first["loc"])
        sentence = f"Expected a valid {name}, found {_quote_harmless(first['input'])}: {first['msg']}."
    except SettingsError as error:
        sentence = f"Expected JSON in a setting of several values, found an {error}; correct it."
    except (OSError, UnicodeError) as error:
        sentence = _word_dotenv(error)
    raise UsageError(sentence)  # not from the error, whose text repeats the value


def read_dotenv(path: Path = Path(DOTENV)) -> dict[str, str]:
    """Read the variables of bandcast in the `.env` of the working directory; none where there is no file.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        values = dotenv_values(path)
    except (OSError, UnicodeError) as error:
        raise UsageError(_word_dotenv(error)) from error
    return {
        name.upper(): value
        for name, value in values.items()
        if name.upper().startswith(PREFIX) and value is not None
    }


def read_environment() -> dict[str, str]:
    """Read the variables that settings are read from: those of the process go before those of `.env`.

    Raises:
        UsageError: The file cannot be read.
    """
    return {**read_dotenv(), **os.environ}


def _word_dotenv(error: OSError | UnicodeError) -> str:
    return f"Expected settings in {Path(DOTENV).absolute()}, found {type(error).__name__}; correct the file."


def _quote_harmless(value: object) -> str:
    """Quote a wrong value, but none that may be a URL or a password in the wrong variable."""
    return repr(value) if _HARMLESS.fullmatch(str(value)) else "a text that is not shown here"


def _require_calendar(calendar: str, entry: str) -> None:
    if not entry or calendar not in list_calendar_names():
        raise ValueError(f"'{entry or calendar}' names no calendar of `bandcast exchanges`, such as XNYS")


def _with_paths(settings: Settings, paths: int) -> Settings:
    """Set about so many paths a ticker: the dropout runs stay, each gets more or fewer noise paths."""
    each = math.ceil(paths / settings.simulation.dropout_runs)
    simulation = SimulationConfig.model_validate({**settings.simulation.model_dump(), "noise_paths": each})
    return settings.model_copy(update={"simulation": simulation})
