"""The settings of this installation as a table."""

from collections.abc import Iterable
from typing import Any

from flows.presentation.tables import Column, Sheet
from flows.setting_values import SettingValue

LONGEST = 60  # characters of a value for people
COLUMNS = (Column("variable", "setting"), Column("value", "value"), Column("origin", "from"))


def build_settings_sheet(settings: Iterable[SettingValue]) -> Sheet:
    """Build the table of settings; long values are cut."""
    rows = [(setting.variable, _shorten(setting.value), setting.origin) for setting in settings]
    return Sheet("Settings", COLUMNS, tuple(rows))


def _shorten(value: Any) -> str:
    text = _join(value)
    more = f" ({len(value)})" if isinstance(value, list) else ""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}...{more}"


def _join(value: Any) -> str:
    """Join a list as it is written in its variable."""
    if isinstance(value, list):
        return ",".join(":".join(part) if isinstance(part, list) else str(part) for part in value)
    return "" if value is None else str(value)
