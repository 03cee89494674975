"""Runs side by side: the same recipe with several seeds is one row, with confidence intervals over the seeds."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from training.results.folder import METRICS, SETTINGS
from training.settings import HOW

LEVEL = 0.95
# Columns: mode, group of rows, measure.
COLUMNS = (
    ("full", "all", "srcc"),
    ("full", "codecs", "srcc"),
    ("full", "codecs", "cross_codec"),
    ("unmatched", "codecs", "srcc"),
    ("unmatched", "codecs", "cross_codec"),
)


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds, and half the width of its confidence interval by Student's t; None with one seed."""

    mean: float
    half_width: float | None
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + ("" if self.half_width is None else f" ± {self.half_width:.3f}")


def estimate(values: Iterable[float]) -> Estimate:
    """Of one value per seed; at least one."""
    found = list(values)
    if len(found) < 2:
        return Estimate(found[0], None, 1)
    from scipy.stats import t

    error = statistics.stdev(found) / math.sqrt(len(found))
    return Estimate(statistics.fmean(found), float(t.ppf((1 + LEVEL) / 2, len(found) - 1)) * error, len(found))


def compare(runs: Iterable[Path]) -> list[dict[str, Any]]:
    """One row per kind of run, then rows of what needs no training, over all runs.

    Keys: name, seeds, steps, trainable, and per column `mode group measure` an Estimate, None where nothing was
    measured. Runs are of one kind when they were trained on the same rows and labels, and their settings differ
    in nothing but the seed and what `training.settings.HOW` names; of one seed, one counts.
    """
    kinds: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for run in runs:
        settings, metrics = _read(run)
        members = kinds[_kind(settings)]
        if settings["seed"] not in [known["seed"] for known, _ in members]:
            members.append((settings, metrics))
    if not kinds:
        raise UserError("name at least one run folder")
    names = _names([members[0][0] for members in kinds.values()])
    rows = [
        {
            "name": name,
            "seeds": sorted(settings["seed"] for settings, _ in members),
            "steps": max(metrics["steps"] for _, metrics in members),
            "trainable": members[0][1]["parameters"]["trainable"],
            **_columns([metrics["validation"]["trained"] for _, metrics in members]),
        }
        for name, members in zip(names, kinds.values(), strict=True)
    ]
    everything = [metrics for members in kinds.values() for _, metrics in members]
    for name in [name for name in everything[0]["validation"] if name != "trained"]:
        found = [metrics["validation"][name] for metrics in everything if name in metrics["validation"]]
        rows.append({"name": name, "seeds": [], "steps": 0, "trainable": 0, **_columns(found)})
    return rows


def _read(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        names = (SETTINGS, METRICS, checkpoint.FILE)
        settings, metrics, model = (json.loads((run / name).read_text()) for name in names)
        settings["data"]["fingerprint"] = model["info"]["data"]["fingerprint"]
        return settings, metrics
    except OSError:
        raise UserError(f"{run}: is no finished run of `training fit`; run that command again") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{run}: its {SETTINGS}, {METRICS} or {checkpoint.FILE} is damaged; train it again") from None


def _kind(settings: dict[str, Any]) -> str:
    """What runs that differ in the seed, and in how the computer went about it, have in common."""
    run = {key: value for key, value in settings["run"].items() if key not in HOW}
    return json.dumps({key: value for key, value in settings.items() if key != "seed"} | {"run": run}, sort_keys=True)


def _names(settings: list[dict[str, Any]]) -> list[str]:
    """Recipes' names, with what differs where two have the same."""
    flat = [_flat(entry) for entry in settings]
    names = []
    for own in flat:
        others = [other for other in flat if other is not own and other["name"] == own["name"]]
        differing = sorted(
            {key for other in others for key in own.keys() | other.keys() if own.get(key) != other.get(key)}
        )
        changes = ", ".join(f"{key}={own.get(key)}" for key in differing if key not in ("seed", "name"))
        names.append(f"{own['name']} ({changes})" if changes else str(own["name"]))
    return names


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "run" and not prefix:
            continue
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _columns(found: list[dict[str, Any]]) -> dict[str, Estimate | None]:
    columns: dict[str, Estimate | None] = {}
    for mode, group, measure in COLUMNS:
        values = [value for entry in found if (value := entry[mode][group].get(measure)) is not None]
        columns[f"{mode} {group} {measure}"] = estimate(values) if values else None
    return columns
