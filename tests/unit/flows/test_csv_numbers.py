"""Numbers of price files: most columns are plain, and are read at once."""

import pandas as pd
import pytest

from flows.sources.csv_folder.numbers import parse_numbers
from forecasting.errors import BadBarsError


@pytest.mark.parametrize("marked", ["$1.5", " 1.5", "1,234.5", "1.5E0"])
def test_plain_columns_are_read_as_beside_a_cell_with_marks(marked: str) -> None:
    cells = ["1.5", "0.1", "+3", "-4e-3", "2.2112996e+07", "123456.78901"]
    plain = pd.DataFrame({"close": cells, "volume": cells}, dtype=str)
    beside = pd.DataFrame({"close": [*cells, marked], "volume": [*cells, marked]}, dtype=str)
    pd.testing.assert_frame_equal(
        parse_numbers("A", plain), parse_numbers("A", beside).iloc[:-1], check_exact=True
    )


def test_prices_and_volume_with_a_dot_before_three_digits_throughout_are_refused() -> None:
    """They would be read as a thousandth; without such volume, prices of three decimals are usual."""
    prices = pd.DataFrame({"close": ["2.500", "2.510"]}, dtype=str)
    with pytest.raises(BadBarsError, match=r"'2\.500' and volume '12\.345' in line 0, whose dots may be"):
        parse_numbers("A", prices.assign(volume=["12.345", "22.345"]))
    for volume in (["12.345", "1022.345"], ["12.345", "0.345"], ["12.345", "900"], ["0", "0"]):
        assert parse_numbers("A", prices.assign(volume=volume))["close"].tolist() == [2.5, 2.51]
    assert parse_numbers("A", prices)["close"].tolist() == [2.5, 2.51]


@pytest.mark.parametrize("padded", ["00", "0100", "000"])
def test_a_zero_before_a_number_is_padding_only_where_dots_are_of_decimals(padded: str) -> None:
    table = pd.DataFrame({"close": ["50", "1.050"], "volume": ["900", padded]}, dtype=str)
    with pytest.raises(BadBarsError, match=f"'{padded}' in column volume, line 1, as after a comma"):
        parse_numbers("A", table)
    shown = parse_numbers("A", table.assign(close=["50.5", "1.050"]))
    assert shown["volume"].tolist() == [900, int(padded)]


@pytest.mark.parametrize("cell", ["2.510", "", "2.510 €", "992"])
def test_of_cells_between_semicolons_all_prices_with_a_dot_before_three_digits_are_refused(cell: str) -> None:
    """Where cells are apart by semicolons, decimals are mostly written with a comma."""
    prices = pd.DataFrame({"close": ["2.500", cell]}, dtype=str)
    for others in ({}, {"volume": ["0", "900"]}, {"open": ["2.499", "2.511"]}):
        with pytest.raises(BadBarsError, match=r"'2\.500' in line 0, whose dot may be of thousands"):
            parse_numbers("A", prices.assign(**others), ";")


@pytest.mark.parametrize(
    ("name", "sign"),
    [("close", "0.985"), ("open", "2.5"), ("dividend", "0.0"), ("volume", "9000"), ("low", "1000.250")],
)
def test_a_cell_that_shows_what_dots_mean_is_enough(name: str, sign: str) -> None:
    prices = pd.DataFrame({"close": ["2.500", "2.510"], name: ["2.510", sign]}, dtype=str)
    parsed = parse_numbers("A", prices, ";")
    assert parsed["close"].iloc[0] in (2.5, 2.51)
    assert parsed[name].iloc[1] == float(sign)


@pytest.mark.parametrize(
    ("volume", "close"),
    [("1,234,567", 55_800), ("12.30M", 55_800), ("12,34,567", 55_800), ("1.234.567", 55.8), ("12,30M", 55.8)],
)
def test_volume_shows_what_the_commas_of_prices_mean(volume: str, close: float) -> None:
    prices = pd.DataFrame({"close": ["55,800", "980"], "volume": [volume, ""]}, dtype=str)
    assert parse_numbers("A", prices)["close"].tolist() == [close, 980]


@pytest.mark.parametrize("volume", ["", "1234567", "123,456", "12,345K", "many"])
def test_volume_that_may_be_either_leaves_the_commas_of_prices_open(volume: str) -> None:
    prices = pd.DataFrame({"close": ["55,800", "980"], "volume": [volume, ""]}, dtype=str)
    with pytest.raises(BadBarsError, match=r"'55,800' in line 0, whose comma may be of thousands"):
        parse_numbers("A", prices)
