"""Text of others in tables: no formula for a spreadsheet, no markup."""

from __future__ import annotations

import pytest

from deepaq.cells import csv_cell, markdown_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_a_cell_cannot_become_a_formula(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["opus-032", "a=b", "", -1.5, 0, None, True])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) is value


def test_text_cannot_become_html_or_a_link() -> None:
    assert markdown_text("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert markdown_text("[a](javascript:x)\n# b") == "[a]\\(javascript:x) # b"
