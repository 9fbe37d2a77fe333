"""Numbers of price files: most columns are plain, and are read at once."""

import pandas as pd
import pytest

from flows.sources.csv_folder.numbers import parse_numbers


@pytest.mark.parametrize("marked", ["$1.5", " 1.5", "1,234.5", "1.5E0"])
def test_plain_columns_are_read_as_beside_a_cell_with_marks(marked: str) -> None:
    cells = ["1.5", "0.1", "+3", "-4e-3", "2.2112996e+07", "123456.78901"]
    plain = pd.DataFrame({"close": cells, "volume": cells}, dtype=str)
    beside = pd.DataFrame({"close": [*cells, marked], "volume": [*cells, marked]}, dtype=str)
    pd.testing.assert_frame_equal(
        parse_numbers("A", plain), parse_numbers("A", beside).iloc[:-1], check_exact=True
    )
