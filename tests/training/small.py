"""Recipes of runs that take a second."""

from __future__ import annotations

from training import recipe
from training.settings import Recipe

SMALL = ["backbone.width=16", "backbone.blocks=1", "data.segment_s=1.0", "data.clips=2", "data.versions=4"]


def small(*overrides: str) -> Recipe:
    return recipe.load("compact", [*SMALL, *overrides])
