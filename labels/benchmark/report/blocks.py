"""Building blocks of a report, and the format of its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NONE = "–"
TEACHER = "visqol"
SHOWN = 10  # rows up to which a table of comparisons is shown unfolded


@dataclass(frozen=True)
class Text:
    """A paragraph. note: set in small type."""

    text: str
    note: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text cells; the first `text_columns` are words, the others figures. folded: collapsed on a page."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Charts:
    """Placeholder for charts, for formats that can show them. shown: the part of a report that they show."""

    shown: dict[str, Any]


Block = Text | Table | Charts


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


def interval(numbers: Sequence[float | None] | None, digits: int = 2) -> str:
    """Format value, low and high as 0.44 [0.31, 0.59]."""
    if numbers is None or numbers[0] is None:
        return NONE
    value, low, high = numbers
    text = figure(value, digits)
    return text if low is None or high is None else f"{text} [{figure(low, digits)}, {figure(high, digits)}]"


def figure(value: float | None, digits: int = 2) -> str:
    """Format a number with a true minus sign, and none before zero."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def title_of(rater: str) -> str:
    """Name of a rater in reports; marks ViSQOL, which labels the training data of DeePAQ."""
    return f"{rater} (teacher)" if rater == TEACHER else rater


def pair(numbers: Sequence[float | None] | None) -> str:
    """Format an interval as [0.31, 0.59]."""
    known = numbers is not None and None not in numbers
    return f"[{figure(numbers[0])}, {figure(numbers[1])}]" if known and numbers else NONE


def p_value(value: float | None) -> str:
    """Format a p value with three digits, or as smaller than that."""
    return NONE if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: 1 item, 2 items."""
    return f"{number} {one if number == 1 else many}"
