"""Checks of what the settings name beside the store: price files, a list to train on, alarms."""

from collections.abc import Iterator
from datetime import datetime

from flows.alarms import read_notify_url, require_receiver
from flows.doctor.finding import Finding
from flows.settings import Settings
from flows.sources.registry import open_source
from flows.sources.training import find_list, read_list
from flows.symbols import names_variable
from forecasting.errors import SourceError, UsageError
from forecasting.text import format_count, name_some


def check_price_folder(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check that the folder of the source `csv` is there, with a file of each configured ticker."""
    if settings.source != "csv":
        return
    try:
        held = open_source(settings, now).tickers()
    except SourceError as error:
        yield Finding("price files", "fail", str(error))
        return
    wanted = [ticker for ticker in settings.tickers if not names_variable(ticker)]
    missing = sorted(set(wanted) - set(held))
    if not missing:
        number = format_count(len(wanted or held), "ticker")
        yield Finding("price files", "ok", f"of {number} in {settings.csv_dir}")
        return
    yield Finding(
        "price files",
        "fail" if len(missing) == len(settings.tickers) else "warn",
        f"none of {len(missing)} of {format_count(len(wanted), 'ticker')} in {settings.csv_dir}: "
        f"{name_some(missing)}",
        "put them there, or take the tickers out of BANDCAST_TICKERS",
    )


def check_training_list(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Check that the file of a training universe can be read."""
    file = find_list(settings.train_universe)
    if file is None or settings.train_tickers:
        return
    try:
        number = len(read_list(settings.train_universe))
    except UsageError as error:
        yield Finding("training universe", "fail", str(error))
    else:
        yield Finding("training universe", "ok", f"{format_count(number, 'ticker')} in {file}")


def check_alarms(_: Settings, __: datetime) -> Iterator[Finding]:
    """Check that a URL of alarms is set and known to Apprise."""
    if url := read_notify_url():
        require_receiver(url)
        service = url.partition("://")[0]
        yield Finding("alarms", "ok", f"sent by {service}; `bandcast notify` tries it")
    else:
        yield Finding("alarms", "warn", "none are sent when something fails", "set BANDCAST_NOTIFY_URL")
