"""`bandcast plot`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.garbage import without_collection
from flows.cli.options import PATH, Source, Tickers, Until, to_day
from flows.cli.output import print_line
from flows.paths import parse_path
from flows.private_files import user_umask


@without_collection()
def plot(
    source: Source = None,
    tickers: Tickers = None,
    as_of: Until = None,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=parse_path,
            metavar=PATH,
            help="Where the picture goes: .png, .pdf, .svg. [default: plots/ in BANDCAST_HOME]",
        ),
    ] = None,
) -> None:
    """Draw fan charts of the newest bands. Print the path of the picture."""
    from db import open_reader
    from flows.prefect_variables import resolve_settings
    from flows.presentation.bands import default_plot_path, load_fan_data
    from flows.presentation.charts import require_drawable, save_fan_charts

    if out:
        require_drawable(out)
    settings = resolve_settings(source=source, tickers=tickers)
    with open_reader(settings.url, settings.source) as store:
        fans = load_fan_data(store, settings.tickers, to_day(as_of), known_ahead=settings.known_ahead)
    with user_umask() if out else nullcontext():
        path = save_fan_charts(fans, out or default_plot_path(settings, fans.as_of))
    print_line(path)
