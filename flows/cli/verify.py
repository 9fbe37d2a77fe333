"""`bandcast verify`."""

from flows.cli.flow_runs import call_flow
from flows.cli.options import CsvDir, Json, Source, Tickers, build_parameters
from flows.cli.output import print_result


def verify(
    source: Source = None, csv_dir: CsvDir = None, tickers: Tickers = None, json: Json = False
) -> None:
    """Score every band whose target session has closed. Then print coverage and scores of all bands."""
    from db import open_reader
    from flows.prefect_variables import resolve_settings
    from flows.presentation.scorecards import build_scorecard_parts, load_scorecards, scorecards_to_plain

    settings = resolve_settings(source=source, csv_dir=csv_dir, tickers=tickers)
    scored = 0
    with open_reader(settings.url, settings.source) as store:
        with store.reading() as tx:
            issued = tx.outcomes.list_tickers()
        if issued:
            # A live source cannot be listed: the tickers decide which exchanges have closed.
            tickers = ",".join(settings.tickers or issued)
            parameters = build_parameters(source=source, csv_dir=csv_dir, tickers=tickers)
            scored = call_flow("verify", **parameters).scored
        scorecards = load_scorecards(store, settings.tickers)
    parts = build_scorecard_parts(scorecards, scored)
    print_result(parts, scorecards_to_plain(scorecards, scored), json=json)
