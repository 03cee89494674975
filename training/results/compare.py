"""Runs side by side: one row per recipe, its seeds averaged, with intervals and paired tests."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy.stats import t

from deepaq.console import one_line
from deepaq.errors import UserError
from deepaq.files import read_json
from deepaq.scoring import checkpoint
from training.loop.figures import LEVEL
from training.recipe import from_json
from training.results import heldout
from training.results.folder import HELD_OUT, METRICS, SETTINGS
from training.results.heldout import HeldOutTable
from training.results.paired import System, against_best, over_tracks
from training.settings import HOW, is_number

# Columns: mode, group of rows, measure; `mapping` stands for the curve that the measure is named after.
COLUMNS = (
    ("full", "all", "srcc"),
    ("full", "all", "pcc"),
    ("full", "codecs", "srcc"),
    ("full", "codecs", "pcc"),
    ("full", "codecs", "cross_codec"),
    ("full", "mapping", "cubic"),
    ("full", "mapping", "mlp"),
    ("unmatched", "codecs", "srcc"),
    ("unmatched", "codecs", "pcc"),
    ("unmatched", "codecs", "cross_codec"),
)


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds, and half the width of its 95 % interval by Student's t, None with one seed.

    interval: the 95 % interval over the held-out tracks, (low, high); None below five tracks, or if it is not known.
    """

    mean: float
    half_width: float | None
    seeds: int
    interval: tuple[float, float] | None = None

    def __str__(self) -> str:
        over_tracks = "" if self.interval is None else " [{:.3f}, {:.3f}]".format(*self.interval)
        return f"{self.mean:.3f}" + ("" if self.half_width is None else f" ± {self.half_width:.3f}") + over_tracks


@dataclass(frozen=True)
class Member:
    """One run: its settings and metrics, and the rows it reports, which older runs do not have."""

    settings: dict[str, Any]
    metrics: dict[str, Any]
    rows: HeldOutTable | None


def estimate(values: Iterable[float], over_tracks: tuple[float, float] | None = None) -> Estimate:
    """Return the estimate of one value per seed; at least one."""
    found = list(values)
    if len(found) < 2:
        return Estimate(found[0], None, 1, over_tracks)
    error = statistics.stdev(found) / math.sqrt(len(found))
    half = float(t.ppf((1 + LEVEL) / 2, len(found) - 1)) * error
    return Estimate(statistics.fmean(found), half, len(found), over_tracks)


def compare(runs: Iterable[Path]) -> list[dict[str, Any]]:
    """Return one row per kind of run, then rows of the untrained networks and of plain distances.

    Keys: name, seeds, steps, hours (of audio), trainable, per column `mode group measure` an Estimate, None if nothing
    was measured, and `against best`, a Paired difference to the trained row of the highest SRCC, None for itself and
    for rows that were judged on other clips. Runs are of one kind when they were trained on the same rows and labels,
    and their settings differ in nothing but the seed and what `training.settings.HOW` names; each seed counts once.
    """
    kinds: dict[str, list[Member]] = defaultdict(list)
    for run in runs:
        member = _read(run)
        members = kinds[_kind(member.settings)]
        if member.settings["seed"] not in [known.settings["seed"] for known in members]:
            members.append(member)
    if not kinds:
        raise UserError("name at least one run folder")
    names = _names([members[0].settings for members in kinds.values()])
    rows, systems = [], []
    for name, members in zip(names, kinds.values(), strict=True):
        effort = {
            "seeds": sorted(member.settings["seed"] for member in members),
            "steps": max(member.metrics["steps"] for member in members),
            "hours": max(_hours(member) for member in members),
            "trainable": members[0].metrics["parameters"]["trainable"],
        }
        rows.append({"name": one_line(name), **effort, **_columns(members, "trained")})
        systems.append([(member.rows, "trained") for member in members])
    nothing = {"seeds": [], "steps": 0, "hours": 0.0, "trainable": 0}
    everything = [member for members in kinds.values() for member in members]
    for name, system, own in _untrained(everything):
        rows.append({"name": one_line(name), **nothing, **_columns(own, system)})
        systems.append(_judged_alike(own, system))
    scores = [row["full all srcc"].mean if row["full all srcc"] else -math.inf for row in rows[: len(kinds)]]
    for row, pair in zip(rows, against_best(systems, scores.index(max(scores))), strict=True):
        row["against best"] = pair
    return rows


def _untrained(members: Sequence[Member]) -> Iterable[tuple[str, str, list[Member]]]:
    """Yield name, system and runs of the untrained network of every backbone, then of every plain distance."""
    backbones: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        backbones[str(member.settings["backbone"].get("name", "compact"))].append(member)
    for backbone, own in backbones.items():
        yield f"untrained {backbone}", "untrained", own
    for system in members[0].metrics["validation"]:
        if system not in ("trained", "untrained"):
            yield system, system, [member for member in members if system in member.metrics["validation"]]


def _judged_alike(members: Sequence[Member], system: str) -> list[System]:
    """Return a system of the runs that reported the same rows as the first of them that has any."""
    known = [member.rows for member in members if member.rows is not None]
    return [(rows, system) for rows in known if rows.keys == known[0].keys] or [(None, system)]


def _hours(member: Member) -> float:
    """Return the hours of audio that a run was trained on, segments counted as often as they were drawn."""
    data = member.settings["data"]
    return float(member.metrics["steps"] * data["clips"] * data["versions"] * data["segment_s"] / 3600)


def _read(run: Path) -> Member:
    try:
        names = (SETTINGS, METRICS, checkpoint.FILE)
        content, metrics, model = (read_json(run / name) for name in names)
        settings = asdict(from_json(content))  # with the defaults of settings that are newer than the run
        settings["data"]["fingerprint"] = model["info"]["data"]["fingerprint"]
        member = Member(settings, metrics, heldout.read(run))
        _check(member)
        return member
    except OSError:
        raise UserError(f"{run}: is not a finished run of `training fit`; run that command again") from None
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        files = f"{SETTINGS}, {METRICS}, {checkpoint.FILE} or {HELD_OUT}"
        raise UserError(f"{run}: its {files} is damaged; train it again") from None


def _check(member: Member) -> None:
    """Compute everything that a comparison takes from a run; raises what that raises for a damaged one."""
    row = (*_columns([member], "trained").values(), _hours(member), member.metrics["parameters"]["trainable"])
    numbers = [value.mean if isinstance(value, Estimate) else value for value in row if value is not None]
    for _, system, own in _untrained([member]):
        numbers += [value.mean for value in _columns(own, system).values() if value is not None]
    if not all(is_number(value) and math.isfinite(value) for value in numbers):
        raise ValueError("a figure is not a number")
    _kind(member.settings), _names([member.settings])


def _kind(settings: dict[str, Any]) -> str:
    """Return what runs have in common that differ in the seed and in their execution alone."""
    run = {key: value for key, value in settings["run"].items() if key not in HOW}
    return json.dumps({key: value for key, value in settings.items() if key != "seed"} | {"run": run}, sort_keys=True)


def _names(settings: list[dict[str, Any]]) -> list[str]:
    """Return the recipes' names, with the settings that differ if two have the same."""
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


def _columns(members: Sequence[Member], system: str) -> dict[str, Estimate | None]:
    """Return the estimate of every column."""
    systems = [(member.rows, system) for member in members]
    columns: dict[str, Estimate | None] = {}
    for mode, group, measure in COLUMNS:
        around = None
        if group == "mapping":
            given = [member.metrics.get("mapping", {}).get(mode, {}).get(measure) for member in members]
            values = given if system == "trained" else []
        else:
            values = [member.metrics["validation"][system][mode][group].get(measure) for member in members]
            around = over_tracks(systems, mode, group == "codecs") if measure == "srcc" else None
        known = [value for value in values if value is not None]
        columns[f"{mode} {group} {measure}"] = estimate(known, around) if known else None
    return columns
