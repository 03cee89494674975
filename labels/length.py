"""Pairs that are not equally long: raters compare the part that both have, and know nothing of the rest."""

from __future__ import annotations

LEAST_COMMON = 0.95  # share of the longer of a pair that both must have for a value to stand for the whole


def too_short(common: float | None) -> bool:
    """Return whether a value of the common part cannot stand for the pair. common: that share, None if unknown."""
    return common is not None and common < LEAST_COMMON


def short_line(stimulus: str, common: float) -> str:
    """One line about such a pair."""
    return f"{stimulus}: reference and degraded file have only {common:.0%} in common; the rest is not rated"
