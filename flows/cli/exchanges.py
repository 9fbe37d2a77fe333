"""`bandcast exchanges`."""

from flows.cli.options import Json
from flows.cli.output import print_sheet


def exchanges(json: Json = False) -> None:
    """List the exchange calendars. Each has the suffixes and indices that follow it."""
    from flows.presentation.exchanges import build_exchanges_sheet

    print_sheet(build_exchanges_sheet(), json=json)
