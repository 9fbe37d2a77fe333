"""Tables of the price store, as `bandcast prices` prints them."""

import pandas as pd
from synthetic_prices import make_history

from flows.presentation.prices import StoredPrices, build_prices_sheet
from flows.presentation.tables import to_markdown, to_records


def test_a_volume_is_a_whole_number_with_every_digit() -> None:
    history = make_history("AAPL", 3, seed=0)
    history.bars["volume"] = 13_306_407.0
    sheet = build_prices_sheet(StoredPrices(history, pd.DataFrame()))
    assert "13,306,407" in to_markdown(sheet)
    assert to_records(sheet)[0]["volume"] == 13_306_407
