"""`bandcast exchanges`."""

from flows.cli.options import Json
from flows.cli.output import print_sheet


def exchanges(json: Json = False) -> None:
    """List the exchange calendars. Name the suffixes and indices that follow each."""
    from flows.presentation.exchanges import build_exchanges_sheet

    print_sheet(build_exchanges_sheet(), json=json)
