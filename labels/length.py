"""Pairs of different length: raters compare the common part and ignore the rest."""

from __future__ import annotations

LEAST_COMMON = 0.95  # least share of the longer signal that must be compared for a value to represent the pair


def too_short(common: float | None) -> bool:
    """Tell if the common part is too short to represent the pair. common: its share, None if unknown."""
    return common is not None and common < LEAST_COMMON


def short_line(stimulus: str, common: float) -> str:
    """Describe such a pair in one line."""
    return f"{stimulus}: reference and degraded file have only {common:.0%} in common; the rest is not rated"
