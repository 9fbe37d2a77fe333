"""Days as people and vendors write them; a text that can be read in two ways is refused."""

import pandas as pd

from forecasting.errors import BadBarsError

# A stamp of ISO 8601: the day, and a time of day with or without a zone.
STAMP = (
    r"^(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
TIME = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?$"
# A midnight that was written with the offset of the other half of the year.
DAYLIGHT_SAVING = pd.Timedelta(hours=1)
FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y",
    "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
)  # fmt: skip
HALF = 0.5


def parse_days(ticker: str, cells: pd.Series, zone: str) -> pd.DatetimeIndex:
    """Parse the days of a column.

    A stamp with a time zone becomes the day at the exchange, unless all are of midnight in UTC, as which some
    vendors write the day alone; the time of a stamp without a zone is left out.

    Args:
        ticker: Symbol, for messages.
        cells: Text by line of the file.
        zone: Time zone of the exchange.

    Returns:
        Naive midnights, in the order of the file.

    Raises:
        BadBarsError: A cell is no date, or might be two; a day has several times of day.
    """
    if not cells.str.contains(":", regex=False).any():
        return _parse_naive(ticker, cells)
    stamps = cells.str.extract(STAMP)
    if stamps["zone"].notna().any():
        return _parse_zoned(ticker, cells, stamps, zone=zone)
    days = _parse_naive(ticker, cells.str.replace(TIME, "", regex=True))
    intraday = days.duplicated() & ~cells.duplicated().to_numpy()
    if intraday.any() and cells.str.contains(TIME).all():
        found = f"'{cells[intraday].iloc[0]}' in line {cells.index[intraday][0]}"
        raise BadBarsError(ticker, "one bar for each day", found)
    return days


def _parse_zoned(ticker: str, cells: pd.Series, stamps: pd.DataFrame, *, zone: str) -> pd.DatetimeIndex:
    naive = stamps["zone"].isna()
    _refuse(ticker, cells, naive, expected="a time zone in every stamp or in none")
    instants = _parse_instants(cells)
    _refuse(ticker, cells, instants.isna(), expected="dates as YYYY-MM-DD")
    if (instants == instants.dt.normalize()).all():  # the year round: no time of an exchange
        return pd.DatetimeIndex(instants.dt.tz_localize(None))
    walls = pd.DatetimeIndex(instants.dt.tz_convert(zone).dt.tz_localize(None))
    return (walls + DAYLIGHT_SAVING).normalize()


def find_unreadable(cells: pd.Series) -> pd.Series:
    """Return where a cell is no day, or is written in another style than most of the others."""
    zoned = cells.str.extract(STAMP)["zone"].notna()
    if zoned.mean() > HALF:
        return ~zoned | _parse_instants(cells).isna()
    return zoned | _read_nearest(cells.str.replace(TIME, "", regex=True)).isna()


def _parse_instants(cells: pd.Series) -> pd.Series:
    return pd.to_datetime(cells.str.replace("UTC", "Z"), utc=True, errors="coerce", format="ISO8601")


def _parse_naive(ticker: str, cells: pd.Series) -> pd.DatetimeIndex:
    possible = [style for style in FORMATS if _read(cells.iloc[:1], style).notna().all()]
    parsed = [_read(cells, style) for style in possible]
    fitting = [days for days in parsed if days.notna().all()]
    if any(not days.equals(fitting[0]) for days in fitting[1:]):
        found = f"'{cells.iloc[0]}' in line {cells.index[0]}, which leaves day and month open"
        raise BadBarsError(ticker, "dates as YYYY-MM-DD", found)
    if not fitting:
        _refuse(ticker, cells, _read_nearest(cells).isna(), expected="dates as YYYY-MM-DD")
    return pd.DatetimeIndex(fitting[0])


def _read_nearest(cells: pd.Series) -> pd.Series:
    """Read days in the style that most cells have."""
    return min((_read(cells, style) for style in FORMATS), key=lambda days: int(days.isna().sum()))


def _read(cells: pd.Series, style: str) -> pd.Series:
    """Read days in one style; NaT where a cell has another."""
    return pd.to_datetime(cells, format=style, errors="coerce")


def _refuse(ticker: str, cells: pd.Series, wrong: pd.Series, *, expected: str) -> None:
    if wrong.any():
        raise BadBarsError(ticker, expected, f"'{cells[wrong].iloc[0]}' in line {cells.index[wrong][0]}")
