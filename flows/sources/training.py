"""Training universe: the tickers that a model learns from, which are more than those that are forecast.

The network does harm on 40 tickers (measured); what it earns on hundreds is in benchmarks/RESULTS.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from flows.paths import expand_path
from flows.settings import Settings
from flows.symbols import list_symbol_cells, parse_entry
from forecasting.calendars.exchanges import HOME
from forecasting.calendars.lookup import Calendars
from forecasting.errors import SymbolError, UnknownExchangeError, UsageError

OWN, US_LARGE = "own", "us-large"
BUNDLED = (US_LARGE,)


@dataclass(frozen=True)
class TrainingUniverse:
    """Tickers to train on.

    Attributes:
        name: `own`, a bundled list, or the path of a file.
        tickers: Those of the list, and those that are forecast.
    """

    name: str
    tickers: tuple[str, ...]


def choose_training_universe(
    settings: Settings, tickers: tuple[str, ...], calendars: Calendars
) -> TrainingUniverse:
    """Choose the training universe of the settings.

    Unless one is set, it is `us-large` for Yahoo's tickers of the exchanges of the United States, and the
    tickers that are forecast in all other cases: a folder of files holds what its owner put there.

    Raises:
        UsageError: The list cannot be read.
    """
    if settings.train_tickers:
        return TrainingUniverse(OWN, settings.train_tickers)
    is_american = settings.source == "yahoo" and _are_all_american(tickers, calendars)
    name = settings.train_universe or (US_LARGE if is_american else OWN)
    if name == OWN:
        return TrainingUniverse(OWN, tickers)
    return TrainingUniverse(name, tuple(dict.fromkeys((*tickers, *read_list(name)))))


def read_list(name: str) -> tuple[str, ...]:
    """Read the tickers of a bundled list or of a file with a column `ticker`, or one symbol a line.

    Raises:
        UsageError: There is no such list, or it holds no symbols.
    """
    if name in BUNDLED:
        return _read_symbols(resources.files("flows").joinpath("universes", f"{name}.csv").read_text("utf-8"))
    known = f"{OWN}, {', '.join(BUNDLED)}"
    expected = f"Expected {known} or a file with a column ticker in BANDCAST_TRAIN_UNIVERSE"
    try:
        symbols = _read_symbols(expand_path(Path(name)).read_text("utf-8-sig"))
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{expected}, found {name}, which cannot be read; correct the path.") from error
    except SymbolError as error:
        raise UsageError(f"{expected}, found in {name}: {error}") from error
    if not symbols:
        raise UsageError(f"{expected}, found no symbol in {name}; put some into it.")
    return symbols


def find_list(name: str) -> Path | None:
    """Return the absolute path of the file that a training universe names; None where it names none.

    Raises:
        UsageError: The path begins with the `~` of a user who does not exist.
    """
    return expand_path(Path(name)).absolute() if name and name not in (OWN, *BUNDLED) else None


def _read_symbols(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(parse_entry, list_symbol_cells(text))))


def _are_all_american(tickers: Sequence[str], calendars: Calendars) -> bool:
    try:
        return all(calendars.presume(ticker).name == HOME for ticker in tickers)
    except UnknownExchangeError:  # the ticker will be quarantined; the others decide nothing alone
        return False
