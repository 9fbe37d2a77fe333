"""The exchanges whose symbols are known, as `bandcast exchanges` and docs/exchanges.md list them."""

from flows.presentation.tables import Column, Sheet
from forecasting.calendars.exchanges import ALWAYS_OPEN, FUTURES, HOME, WEEKDAYS, list_exchanges

COLUMNS = (Column("calendar", "calendar"), Column("suffixes", "suffixes"), Column("indices", "indices"))
_OTHERS = {
    HOME: "no suffix",
    ALWAYS_OPEN: "-USD and other currencies",
    WEEKDAYS: "=X",
    FUTURES: "=F",
}


def build_exchanges_sheet() -> Sheet:
    """Build the table of calendars with the suffixes and indices that follow them."""
    rows = [
        (name, " ".join(filter(None, (_OTHERS.get(name), *suffixes))), " ".join(indices))
        for name, suffixes, indices in list_exchanges()
    ]
    rows += [(name, _OTHERS[name], "") for name in (ALWAYS_OPEN, WEEKDAYS, FUTURES)]
    return Sheet("Exchanges", COLUMNS, tuple(rows))
