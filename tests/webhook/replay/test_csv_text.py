"""Comma-separated values that no spreadsheet takes for more than text."""

import csv
import io

import pytest

from webhook.replay.csv_text import csv_text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
def test_a_formula_is_text(sign: str) -> None:
    assert csv_text(["what"], [[f"{sign}1+1"]]) == f"what\n'{sign}1+1\n"


def test_a_row_stays_one_row_whatever_is_in_it() -> None:
    rows = [["a,b", 'say "c"', "two\nlines", "\x1b[2J"], ["", " ", "é", "1"]]
    header, first, second = csv.reader(io.StringIO(csv_text(["w", "x", "y", "z"], rows)))
    assert header == ["w", "x", "y", "z"]
    assert first == ["a,b", 'say "c"', "two\\nlines", "\\x1b[2J"]
    assert second == rows[1]
