"""Settings: every BANDCAST_* variable of the environment or of `.env`, read in one class."""

import difflib
import functools
import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from flows.environment import DOTENV, DOTENV_ENCODING, PREFIX, read_dotenv, read_environment
from flows.paths import build_sqlite_url, expand_path, make_url_absolute
from flows.schedules import STANDARD, Schedule, require_cron, require_timezone
from flows.symbols import parse_tickers, split_tickers
from forecasting.calendars.exchanges import list_calendar_names
from forecasting.calendars.reports import KNOWN_AHEAD
from forecasting.config import (
    LONGEST_HORIZON,
    CalibrationConfig,
    ModelConfig,
    MonitoringConfig,
    PromotionConfig,
    SimulationSettings,
    WarmStartConfig,
)
from forecasting.errors import UsageError
from forecasting.types import SourceKind

Tickers = Annotated[tuple[str, ...], NoDecode]
Pairs = Annotated[tuple[tuple[str, str], ...], NoDecode]
TICKER_LISTS = ("tickers", "train_tickers", "watched")
CalendarDays = Annotated[tuple[tuple[str, date], ...], NoDecode]

# Short name of a caller's value -> paths of the settings that it stands for.
_SHORT_NAMES = {
    "horizon": (("simulation", "horizon"),),
    "dropout_runs": (("simulation", "dropout_runs"),),
    "seed": (("simulation", "seed"), ("model", "training", "seed")),
    "epochs": (("model", "training", "max_epochs"),),
    "success_ratio": (("min_success_ratio",),),
}
_HARMLESS = re.compile(r"[\w.,+\- \[\]]{0,40}")


class Settings(BaseSettings):
    """Settings of this installation; every field is BANDCAST_<NAME> in the environment or in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=DOTENV,
        env_file_encoding=DOTENV_ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: str = Field("", description="SQLAlchemy URL; empty means a SQLite file in `home`.")
    home: Path = Field(Path(".bandcast"), description="Folder of the SQLite file, plots and caches.")
    share_home: bool = Field(False, description="Whether the user's own umask decides who may read `home`.")
    source: SourceKind = Field("yahoo", description="Source of prices.")
    csv_dir: Path | None = Field(None, description="Folder of TICKER.csv files, for the source `csv`.")
    yahoo_url: str | None = Field(
        None, pattern="^https?://", description="Base URL of a stand-in for Yahoo's servers."
    )
    tickers: Tickers = Field((), description="Tickers to forecast; empty means all that the source holds.")
    train_tickers: Tickers = Field((), description="Tickers to train on; empty means `train_universe`.")
    train_universe: str = Field(
        "",
        description="`own`, `us-large` or a file; empty: us-large for US tickers of Yahoo, else own.",
    )
    watched: Tickers = Field((), description="Tickers whose fan chart a run draws first.")
    charts: int = Field(12, ge=1, description="Tickers that a run draws: the watched, then the widest bands.")
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
        le=LONGEST_HORIZON,
        description="Sessions before a report from which a date of unknown announcement counts.",
    )
    keep_comparisons_days: int = Field(
        30,
        ge=0,
        le=100_000,
        description="Calendar days after which a scored band keeps no quantiles but those of `calibrated`.",
    )
    history_days: int = Field(
        3700, ge=400, le=36_500, description="Calendar days of history fetched from a live source."
    )
    provider_lag_minutes: int = Field(
        30, ge=0, le=10_080, description="Minutes after the close until a bar counts as final."
    )
    publish_minutes: int = Field(
        240,
        ge=0,
        le=10_080,
        description="Minutes after the close until `doctor` counts a session without bands as a fault.",
    )
    notify_url: SecretStr | None = Field(
        None, description="Apprise URL that gets a message where a run fails or a person is needed."
    )
    notify_quarantined: float = Field(
        0.1, ge=0, le=1, description="Share of quarantined tickers above which a run sends a message."
    )
    schedule: Annotated[str, AfterValidator(require_cron)] = Field(
        STANDARD.cron, description="Cron of the daily deployment, for `serve` and `deploy` to create it with."
    )
    timezone: Annotated[str, AfterValidator(require_timezone)] = Field(
        STANDARD.timezone, description="Time zone of every schedule that they create, by its IANA name."
    )
    max_model_age_days: int = Field(
        45, ge=1, le=36_500, description="Age at which `--retrain auto` trains anew."
    )
    min_success_ratio: float = Field(0.5, ge=0, le=1, description="Share of tickers that must be forecast.")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024, description="Threads or processes."
    )
    retry_seconds: float = Field(
        10, ge=0, le=3600, description="First pause before a failed download is tried again."
    )
    requests_per_second: float = Field(
        4, ge=0.001, le=1_000_000, description="Pace of requests to a live source."
    )
    ingest_minutes: float = Field(
        30, gt=0, le=10_080, description="When the tickers still missing are given up."
    )
    run_minutes: float = Field(360, gt=0, le=10_080, description="When a run that still goes on is ended.")
    model: ModelConfig = Field(ModelConfig(), description="Features, network and training.")
    simulation: SimulationSettings = Field(SimulationSettings(), description="Runs, paths and bounds.")
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

    @field_validator(*TICKER_LISTS, mode="before")
    @classmethod
    def _split_tickers(cls, value: Any, info: ValidationInfo) -> Any:
        try:
            return split_tickers(value) if isinstance(value, str) else parse_tickers(value)
        except UsageError as error:
            name = PREFIX + str(info.field_name).upper()
            if read_environment().get(name) == value:  # and no option or value of a form
                error.args = (f"{name}: {error}",)
            raise

    @field_validator("database_url", "home", "csv_dir", "train_universe", "notify_url", mode="before")
    @classmethod
    def _refuse_blanks(cls, value: Any) -> Any:
        if isinstance(value, str) and value.isspace():  # other fields refuse them by their type
            raise ValueError("it holds blanks alone; give it a value, or leave it out")
        return value

    @field_validator("home", "csv_dir")
    @classmethod
    def _expand_path(cls, path: Path | None) -> Path | None:
        return expand_path(path) if path else None

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
        """The database's URL, that of a SQLite file with its absolute path."""
        return make_url_absolute(self.database_url) or build_sqlite_url(self.home.absolute() / "bandcast.db")

    @property
    def chosen_schedule(self) -> Schedule | None:
        """When the daily deployment runs; None where nobody has set it."""
        is_set = {"schedule", "timezone"} & self.model_fields_set
        return Schedule(self.schedule, self.timezone) if is_set else None

    @property
    def known_ahead(self) -> int | None:
        """Sessions before a report from which its date counts; None where earnings dates are switched off."""
        return self.earnings_known_ahead if self.earnings == "on" else None


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; values that a caller gives (not None) take precedence.

    Raises:
        UsageError: A value is out of its bounds.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    paths = given.pop("paths", None)
    read_dotenv()  # names a fault of the file itself
    try:
        settings = Settings(**_nest(given))  # merged with the environment's values
        return _with_paths(settings, paths) if paths else settings
    except ValidationError as error:
        sentence = _describe_validation_error(error)
    except (SettingsError, RecursionError) as error:  # the latter from JSON of a thousand brackets
        sentence = _describe_json_error(error)
    raise UsageError(sentence)  # not from the error, whose text repeats the value


def _nest(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put values that a caller gives by a short name where the settings have them.

    >>> _nest({"source": "csv", "horizon": 5, "epochs": 9})
    {'source': 'csv', 'simulation': {'horizon': 5}, 'model': {'training': {'max_epochs': 9}}}
    """
    nested: dict[str, Any] = {}
    for name, value in given.items():
        for *parents, last in _SHORT_NAMES.get(name, ((name,),)):
            level = nested
            for parent in parents:
                level = level.setdefault(parent, {})
            level[last] = value
    return nested


def find_unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Find the variables that look like settings and are none; the value is the nearest setting, or empty.

    Names within a setting of several values are left to `load_settings`, which refuses unknown ones.

    >>> find_unknown_variables({"BANDCAST_TIKCERS": "AAPL", "BANDCAST_GATE__SESSIONS": "126", "HOME": "/"})
    {'BANDCAST_TIKCERS': 'BANDCAST_TICKERS'}
    """
    composed = tuple(PREFIX + f"{name.upper()}__" for name, _ in _list_composed(Settings))
    strangers = {name for name in environment if name.upper().startswith(PREFIX)}
    unknown = sorted(
        name
        for name in strangers
        if name.upper() not in _list_variables() and not name.upper().startswith(composed)
    )
    return {name: find_nearest(name) for name in unknown}


def find_nearest(name: str) -> str:
    """Return the variable whose name is most like this one; the empty text if none is."""
    known = [variable.removeprefix(PREFIX) for variable in _list_variables()]
    found = difflib.get_close_matches(name.upper().removeprefix(PREFIX), known, 1)
    return PREFIX + found[0] if found else ""


def describe_unknown(unknown: Mapping[str, str]) -> str:
    """Name unknown variables, each with the setting that may be meant."""
    return ", ".join(f"{name} (perhaps {near})" if near else name for name, near in unknown.items())


@functools.cache
def _list_variables() -> tuple[str, ...]:
    """List every variable, those of single values within a setting of several included."""
    return tuple(PREFIX + name for name in _list_names(Settings))


def _list_names(model: type[BaseModel]) -> Iterator[str]:
    yield from (name.upper() for name in model.model_fields)
    for name, inner in _list_composed(model):
        yield from (f"{name.upper()}__{inner_name}" for inner_name in _list_names(inner))


def _list_composed(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the fields of several values, with their models."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _describe_validation_error(error: ValidationError) -> str:
    first = error.errors()[0]
    parts = itertools.takewhile(lambda part: isinstance(part, str), first["loc"])  # no index within a list
    name = PREFIX + "__".join(str(part).upper() for part in parts)
    if first["type"] == "extra_forbidden":
        near = find_nearest(name) or f"{PREFIX}TICKERS"
        return f"Expected the name of a setting, such as {near}, found {name}; correct it."
    reason = first["msg"].removeprefix("Value error, ")
    return f"Expected a valid {name}, found {_quote_harmless(first['input'])}: {reason}."


def _describe_json_error(error: Exception) -> str:
    """Name the variable that holds no JSON, by its value, where the error has it."""
    cause = error.__cause__
    text = cause.doc if isinstance(cause, json.JSONDecodeError) else ""
    holders = [name for name, value in read_environment().items() if text and value == text]
    names = [name for name in holders if name.upper().startswith(PREFIX)]
    variable = " or ".join(names) or "every setting of several values"
    return (
        f"Expected JSON in {variable}, such as [1, 5, 10] for a list, "
        f"found {_quote_harmless(text) if text else 'other text'}; correct it."
    )


def _quote_harmless(value: object) -> str:
    """Quote a wrong value, but none that may be a URL or a password in the wrong variable."""
    return repr(value) if _HARMLESS.fullmatch(str(value)) else "a text that is not shown here"


def _require_calendar(calendar: str, entry: str) -> None:
    if not entry or calendar not in list_calendar_names():
        raise ValueError(f"'{entry or calendar}' names no calendar of `bandcast exchanges`, such as XNYS")


def _with_paths(settings: Settings, paths: int) -> Settings:
    """Set about so many paths a ticker: the dropout runs stay, each gets more or fewer noise paths."""
    each = math.ceil(paths / settings.simulation.dropout_runs)
    simulation = SimulationSettings.model_validate({**settings.simulation.model_dump(), "noise_paths": each})
    return settings.model_copy(update={"simulation": simulation})
