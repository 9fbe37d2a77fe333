"""`bandcast exchanges`."""

from flows.cli.options import Json
from flows.cli.output import print_result


def exchanges(json: Json = False) -> None:
    """List the exchange calendars, and the suffixes and indices that follow each."""
    from flows.reporting.exchanges import build_exchanges_sheet
    from flows.reporting.tables import to_records

    sheet = build_exchanges_sheet()
    print_result([sheet], to_records(sheet), json=json)
