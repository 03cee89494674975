"""What a report is made of, and how its figures are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NONE = "–"
TEACHER = "visqol"
SHOWN = 10  # rows of a table of comparisons that are shown unfolded


@dataclass(frozen=True)
class Text:
    """A paragraph. note: set small."""

    text: str
    note: bool = False


@dataclass(frozen=True)
class Table:
    """Cells of text; the first `text_columns` are words, the others figures. folded: a page opens it on demand."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Charts:
    """Where a test's scatter plots go, in the formats that can show them."""

    test: dict[str, Any]


Block = Text | Table | Charts


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


def interval(numbers: Sequence[float | None] | None, digits: int = 2) -> str:
    """Value, low and high as 0.44 [0.31, 0.59]."""
    if numbers is None or numbers[0] is None:
        return NONE
    value, low, high = numbers
    text = figure(value, digits)
    return text if low is None or high is None else f"{text} [{figure(low, digits)}, {figure(high, digits)}]"


def figure(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign, and none before zero."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def title_of(rater: str) -> str:
    """The rater's name; ViSQOL labels DeePAQ's training data, which a reader should see at its name."""
    return f"{rater} (teacher)" if rater == TEACHER else rater


def pair(numbers: Sequence[float | None] | None) -> str:
    """An interval as [0.31, 0.59]."""
    known = numbers is not None and None not in numbers
    return f"[{figure(numbers[0])}, {figure(numbers[1])}]" if known and numbers else NONE


def p_value(value: float | None) -> str:
    """Three digits, or that it is smaller."""
    return NONE if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
