"""Gates: what their lines say."""

from __future__ import annotations

from types import SimpleNamespace as Facts
from typing import Any

import pytest

from deepaq.comparison.gates import Gates


@pytest.mark.parametrize(("file", "place"), [("5", " (worst at 2.5 s)"), ("2", "")])
def test_the_worst_second_is_given_only_where_it_lies_in_the_file_that_fell_most(file: str, place: str) -> None:
    found: Any = Facts(
        b="new", worst_file=Facts(file="5", change=-0.3), worst=Facts(file=file, second=2.5), tail=(4.0, 4.0)
    )
    assert Gates(max_tail_drop=0.2).failures(found) == [f"new: 5 falls by 0.300 MOS, more than 0.2{place}"]
