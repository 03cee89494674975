"""Untrusted text in tables: made safe, so that it is neither a formula in a spreadsheet nor markup in a page."""

from __future__ import annotations

from html import escape
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets treat text with these beginnings as formulas


def csv_cell(value: Any) -> Any:
    """Return `value` for a CSV file; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def markdown_text(text: str) -> str:
    """Return `text` on one line of Markdown, in which it cannot become HTML or a link."""
    return escape(" ".join(text.splitlines()), quote=False).replace("](", "]\\(")
