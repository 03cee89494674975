"""The files of a run folder."""

from __future__ import annotations

SETTINGS, METRICS, BEFORE = "settings.json", "metrics.json", "before.json"
